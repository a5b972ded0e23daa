// Receives AIsoule webhooks with Express.
//
// npm install express standardwebhooks
// WEBHOOK_SECRET=whsec_… PORT=8000 node receiver_express.mjs

import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { join } from "node:path";
import express from "express";
import { Webhook } from "standardwebhooks";

const webhook = new Webhook(process.env.WEBHOOK_SECRET);
const seen = process.env.SEEN ?? "seen"; // a folder; in your database, a unique key on webhook-id does the same
mkdirSync(seen, { recursive: true });

/** The same event may arrive twice, in another process too: one of them makes the file. */
function isNew(id) {
  try {
    closeSync(openSync(join(seen, Buffer.from(id).toString("hex")), "wx"));
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  }
}

/** What takes time happens here, after the answer. */
function work(id, { event }) {
  console.log(`${event} ${id}`);
}

const app = express();
// As raw bytes: after express.json(), what was signed could not be had any more.
app.post("/hooks", express.raw({ type: "*/*", limit: "64kb" }), (request, response) => {
  let payload;
  try {
    payload = webhook.verify(request.body, request.headers); // within five minutes
  } catch {
    response.sendStatus(401);
    return;
  }
  const id = request.get("webhook-id");
  const first = isNew(id);
  response.sendStatus(200); // to a repeat as well: it did arrive
  if (first) setImmediate(work, id, payload);
});
// TLS_FILE: key and certificate in one PEM file, where no proxy or tunnel speaks TLS for this server.
const pem = process.env.TLS_FILE && readFileSync(process.env.TLS_FILE);
const server = pem ? createTlsServer({ key: pem, cert: pem }, app) : createServer(app);
server.listen(Number(process.env.PORT ?? 8000), "127.0.0.1");
