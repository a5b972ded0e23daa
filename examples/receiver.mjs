// Receives AIsoule webhooks. Node 18 or newer, standard library only.
//
// WEBHOOK_SECRET=whsec_… PORT=8000 node receiver.mjs

import { createHmac, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";

const SECRET = process.env.WEBHOOK_SECRET;
if (!SECRET) throw new Error("WEBHOOK_SECRET is not set");
const TOLERANCE = 300; // seconds that a request may be old, or ahead of this clock
const LIMIT = 65536; // bytes of the largest body that is ever sent

const seen = new Set(); // keep these in your database: a unique key on webhook-id

function same(expected, given) {
  const [a, b] = [Buffer.from(expected), Buffer.from(given)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** X-Webhook-Signature: that the body is AIsoule's. */
function isGenuine(body, signature = "") {
  return same(createHmac("sha256", SECRET).update(body).digest("hex"), signature);
}

/** webhook-signature (Standard Webhooks): that the id and the time are, too, so that nobody can play it again. */
function isFresh(body, id, timestamp, signatures = "") {
  const key = Buffer.from(SECRET.slice("whsec_".length), "base64");
  const expected = "v1," + createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest("base64");
  // There are two for a while after the secret was rotated.
  const known = signatures.split(" ").some((given) => same(expected, given));
  return known && Math.abs(Date.now() / 1000 - Number(timestamp)) <= TOLERANCE;
}

function isNew(id) {
  if (seen.has(id)) return false;
  seen.add(id);
  if (seen.size > 10_000) seen.delete(seen.values().next().value);
  return true;
}

/** What takes time happens here, after the answer. */
function work(id, body) {
  const { event } = JSON.parse(body); // and timestamp and data
  console.log(`${event} ${id}`);
}

async function rawBody(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > LIMIT) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks); // the raw bytes: parsing and encoding again would change them
}

async function receive(request, response) {
  const answer = (status) => response.writeHead(status, { "Content-Length": 0 }).end();
  const body = await rawBody(request);
  if (request.method !== "POST" || body === null) return answer(400);
  const { headers } = request;
  if (!isGenuine(body, headers["x-webhook-signature"])) return answer(401);
  const id = headers["webhook-id"];
  if (!isFresh(body, id, headers["webhook-timestamp"], headers["webhook-signature"])) return answer(401);
  answer(200); // to a repeat as well: it did arrive
  if (isNew(id)) setImmediate(work, id, body);
}

const listener = (request, response) => {
  receive(request, response).catch(() => response.destroy()); // such as a sender that went away
};
// TLS_FILE: key and certificate in one PEM file, where no proxy or tunnel speaks TLS for this server.
const pem = process.env.TLS_FILE && readFileSync(process.env.TLS_FILE);
const server = pem ? createTlsServer({ key: pem, cert: pem }, listener) : createServer(listener);
server.listen(Number(process.env.PORT ?? 8000), "127.0.0.1");
