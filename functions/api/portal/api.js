'use strict';

// The HTTPS API beside this page, with the reader's key.

const API = new URL('../v1/', location.href.split('#')[0]);
const TOKEN = 'aisoule.webhooks.token';
const PATIENCE = 35000;
let token = stored();
const etags = new WeakMap();

/** What the API, or the network, refused, in words for the reader. */
class Refused extends Error {
  constructor(status, message, { errors = [], retryAfter = 0 } = {}) {
    super(message);
    Object.assign(this, { status, errors, retryAfter });
  }

  /** The same, with the seconds that are left to wait. */
  in(seconds) {
    const when = seconds ? `Try again in ${inWords(seconds * 1000)}.` : 'You can try again now.';
    return new Refused(this.status, `${this.message} ${when}`);
  }
}

function stored() {
  try {
    return sessionStorage.getItem(TOKEN);
  } catch {
    return null; // storage is blocked: the key lives as long as the page
  }
}

function keepToken(given) {
  token = given;
  try {
    if (given) sessionStorage.setItem(TOKEN, given);
    else sessionStorage.removeItem(TOKEN);
  } catch { /* see above */ }
}

/** The answer's body. A 401 asks for another key and then makes the same call again. */
async function call(method, path, { body, etag, signal } = {}) {
  for (;;) {
    const used = token;
    const answer = await send(method, path, used, { body, etag, signal });
    if (answer.status !== 401) return read(answer);
    await renewed(used);
  }
}

async function send(method, path, key, { body, etag, signal } = {}) {
  const headers = { Authorization: `Bearer ${key}` };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (etag) headers['If-Match'] = etag;
  const signals = [AbortSignal.timeout(PATIENCE), ...(signal ? [signal] : [])];
  try {
    return await fetch(new URL(path, API), {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.any(signals),
      cache: 'no-store',
      credentials: 'omit',
    });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Refused(0, navigator.onLine
      ? 'The server did not answer. Try again in a moment.'
      : 'You are offline. Try again when the connection is back.');
  }
}

async function read(answer) {
  compareClock(answer.headers.get('Date'));
  const text = await answer.text();
  const body = answer.ok ? parsed(text) : problem(text);
  if (!answer.ok) throw refusal(answer, body);
  const etag = answer.headers.get('ETag');
  if (etag && body) etags.set(body, etag);
  return body;
}

/** Numbers that JavaScript would round, such as long ids in a payload, stay as they were sent. */
function parsed(text) {
  if (!text) return null;
  return JSON.parse(text, (key, value, context) => (
    typeof value === 'number' && context && JSON.rawJSON && context.source !== String(value)
      ? JSON.rawJSON(context.source) : value));
}

function problem(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

function refusal(answer, { detail, errors }) {
  const retryAfter = Number(answer.headers.get('Retry-After')) || (answer.status === 429 ? 5 : 0);
  const words = {
    412: 'Somebody else changed this webhook since you opened it.',
    429: detail?.split(';')[0], // the time to wait is counted down
  };
  const message = words[answer.status] ?? detail ?? `The server answered ${answer.status}. Try again in a moment.`;
  return new Refused(answer.status, sentence(message), {
    errors: Array.isArray(errors) ? errors : [],
    retryAfter: answer.status === 429 ? retryAfter : 0,
  });
}

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const sentence = (text) => capital(text) + (/[.!?…]$/.test(text) ? '' : '.');
