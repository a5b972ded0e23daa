/** @import { CallOptions } from './types' */
import { isAbort, Refused } from './refused.js';

// One call over the network. What API Gateway refuses for a moment is tried again.

const API = new URL('../v1/', location.href.split('#')[0]);
const PATIENCE = 35000; // ms
const PAUSES = [500, 1000, 2000]; // ms, on average

/**
 * The API's answer. Throws Refused if there is none.
 *
 * @param {string} method
 * @param {string} path below /v1/
 * @param {string} key
 * @param {CallOptions} [options]
 */
export async function send(method, path, key, { body, etag, signal } = {}) {
  /** @type {Record<string, string>} */
  const headers = { Authorization: `Bearer ${key}` };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (etag) headers['If-Match'] = etag;
  const either = AbortSignal.any([AbortSignal.timeout(PATIENCE), ...(signal ? [signal] : [])]);
  const request = new Request(new URL(path, API), {
    method,
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: either,
    cache: 'no-store',
    credentials: 'omit',
  });
  try {
    let answer = await fetch(request.clone());
    for (const pause of PAUSES) {
      if (!mayRepeat(method, answer)) break;
      await wait(pause * (0.5 + Math.random()), either);
      answer = await fetch(request.clone());
    }
    return answer;
  } catch (error) {
    throw noAnswer(error);
  }
}

/**
 * What is thrown where a whole answer is missing: words for the reader, unless the call was given up.
 *
 * @param {unknown} error
 */
export const noAnswer = (error) => (isAbort(error) ? error : new Refused(0, navigator.onLine
  ? 'The server did not answer. Try again in a moment.'
  : 'You are offline. Try again when the connection is back.'));

/**
 * Whether the answer is API Gateway's own, and the call cannot be made twice by repeating it: with 429 the API was not
 * called; with 500 and 503 it may have been.
 *
 * @param {string} method
 * @param {Response} answer
 */
function mayRepeat(method, answer) {
  const ours = answer.headers.get('Content-Type')?.startsWith('application/problem+json');
  return !ours && (answer.status === 429 || (method === 'GET' && [500, 503].includes(answer.status)));
}

/**
 * @param {number} ms
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
const wait = (ms, signal) => new Promise((resolve, reject) => {
  const timer = setTimeout(resolve, ms);
  signal.addEventListener('abort', () => { clearTimeout(timer); reject(signal.reason); }, { once: true });
});
