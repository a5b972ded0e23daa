/** @import { CallOptions, FieldError } from './types' */
import { currentAccount, currentKey } from './key.js';
import { noAnswer, send } from './network.js';
import { Refused } from './refused.js';
import { compareClock } from './time.js';
import { sentence } from './words.js';

// The HTTPS API beside this page, with the reader's key.

/** @type {(refused: string) => Promise<void>} */
let renew = () => Promise.reject(new Refused(401, 'Your session has expired.'));

/**
 * Says how another key is asked for when the API refuses the one in use.
 *
 * @param {typeof renew} ask resolves when there is another
 */
export function renewWith(ask) {
  renew = ask;
}

/** @type {WeakMap<object, string>} */
const etags = new WeakMap();

/**
 * The version of what an answer holds, for a later change of it.
 *
 * @param {object} body
 */
export const etagOf = (body) => etags.get(body);

/**
 * The answer's body. A 401 asks for another key and then makes the same call again, unless that would be in another
 * account. Throws Refused.
 *
 * @param {string} method
 * @param {string} path below /v1/
 * @param {CallOptions} [options]
 * @returns {Promise<any>}
 */
export async function call(method, path, options) {
  const account = currentAccount();
  for (;;) {
    const key = currentKey();
    if (key === null) throw new Refused(401, 'You are signed out.');
    const answer = await send(method, path, key, options);
    if (answer.status !== 401) return read(answer);
    await renew(key);
    const mayDiffer = account === null && method === 'GET'; // the account was not known, and nothing is changed
    if (currentAccount() !== account && !mayDiffer) throw new Refused(401, 'The account has changed: nothing was done.');
  }
}

/**
 * The body of an answer. Throws Refused if it is a refusal.
 *
 * @param {Response} answer
 */
export async function read(answer) {
  compareClock(answer.headers.get('Date'));
  const text = await answer.text().catch((error) => { throw noAnswer(error); });
  if (!answer.ok) throw refusal(answer, problem(text));
  const body = parsed(text);
  const etag = answer.headers.get('ETag');
  if (etag && body) etags.set(body, etag);
  return body;
}

/**
 * Numbers that JavaScript would round, such as long ids in a payload, stay as they were sent.
 *
 * @param {string} text
 */
function parsed(text) {
  if (!text) return null;
  const { rawJSON } = /** @type {{rawJSON?: (text: string) => unknown}} */ (JSON);
  /** @type {(key: string, value: unknown, context?: {source: string}) => unknown} */
  const keep = (_, value, context) => (
    typeof value === 'number' && context && rawJSON && context.source !== String(value) ? rawJSON(context.source) : value);
  try {
    return JSON.parse(text, keep);
  } catch (error) {
    throw noAnswer(error); // it is somebody else's, such as a Wi-Fi's sign-in page
  }
}

/**
 * @param {string} text
 * @returns {{detail?: string, errors?: FieldError[]}}
 */
function problem(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

/**
 * @param {Response} answer
 * @param {{detail?: string, errors?: FieldError[]}} problem
 */
function refusal(answer, { detail, errors }) {
  const retryAfter = Number(answer.headers.get('Retry-After')) || 5;
  /** @type {Record<number, string | undefined>} */
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
