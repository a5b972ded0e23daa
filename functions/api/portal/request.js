/** @import { SentRequest } from './types' */
import { copyButton } from './copy.js';
import { h } from './dom.js';
import { box } from './parts.js';

// A request as it was sent, and the same for a shell.

/**
 * @param {SentRequest} request
 * @param {boolean} [open] whether its text is shown
 */
export function requestCard(request, open) {
  const headers = Object.entries(request.headers).map(([name, value]) => `${name}: ${value}`);
  const text = [`POST ${request.url}`, ...headers, '', request.body].join('\n');
  const copy = copyButton(curl(request.url, headers, request.body), 'the request as curl', 'Copy as curl');
  copy.dataset.action = 'copy';
  return [
    h('div.card-title', {}, h('h2', { id: 'request' }, 'Request'), copy),
    h('p.hint', {}, 'Of the last attempt. The values of your own headers are secret: enter them again in the copy. Receivers that check webhook-timestamp refuse it after five minutes. ',
      request.edited_since && 'The webhook was edited since: URL, headers and signatures are those of now.'),
    h('details', { open }, h('summary', {}, 'Headers and body'), box(text, 'Request')),
  ];
}

/**
 * @param {string} url
 * @param {string[]} headers
 * @param {string} body
 */
const curl = (url, headers, body) => [
  `curl -sS ${quoted(url)}`, ...headers.map((header) => `-H ${quoted(header)}`), `--data-raw ${quoted(body)}`,
].join(' \\\n  ');

/** @param {string} text */
const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
