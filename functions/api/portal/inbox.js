/** @import { ReceivedRequest, Webhook } from './types' */
import { call } from './api.js';
import { copyButton } from './copy.js';
import { announce, button, code, h } from './dom.js';
import { keepFresh, updateRows } from './live.js';
import { attempt, outcome } from './outcome.js';
import { box, pathOf } from './parts.js';
import { go } from './router.js';
import { serverNow, timeOf } from './time.js';

// Test addresses: getting one, and what it receives, as it arrives.

const KEPT = 100; // as the API keeps
const PAUSE = 2000; // ms, from one look to the next
const IDLE_PAUSE = 10000; // when nothing came and nobody clicked for a minute

/**
 * A button, and a line for why it failed.
 *
 * @param {AbortSignal} signal
 */
export function testAddressButton(signal) {
  const line = outcome();
  const pressed = button('Get a test address', () => attempt(pressed, 'Creating…', line, async () => {
    const { id } = await call('POST', 'test-addresses', { body: {} });
    announce('Test address created');
    signal.throwIfAborted();
    go(`#/${id}`);
  }));
  return { pressed, line };
}

/**
 * @param {Webhook} webhook
 * @param {AbortSignal} signal
 */
export function inboxCard({ id }, signal) {
  const list = h('ol.timeline', { 'aria-label': 'Requests' });
  const none = h('p.nothing', { hidden: true }, 'Nothing has arrived. Send a test event to see a request.');
  /** @type {ReceivedRequest[]} */
  let items = [];
  /** Where the next look begins: where the last one ended, or the one before it, if a number is missing. */
  let after = 0;
  let looked = false;
  let active = Date.now();
  const command = `python3 -m aisoule_webhooks listen --webhook ${id} --forward http://localhost:3000/`;

  async function refresh() {
    await ask();
    looked = true;
    return true; // or the pauses would grow: whoever has this open is waiting for a request
  }

  async function ask() {
    /** @type {ReceivedRequest[]} */
    const found = [];
    const last = newest(items);
    let cursor = '';
    do {
      const page = await call('GET', `${pathOf(id, 'requests')}?after=${after}${cursor && `&cursor=${cursor}`}`, { signal });
      found.push(...page.data);
      cursor = page.next_cursor;
    } while (cursor);
    const known = new Set(items.map(({ number }) => number));
    const fresh = found.filter(({ number }) => !known.has(number));
    if (fresh.length) active = Date.now();
    if (fresh.length && looked) announce(fresh.length > 1 ? `${fresh.length} new requests` : 'A new request');
    items = [...fresh, ...items].sort((a, b) => b.number - a.number).slice(0, KEPT);
    const numbers = newest(items) - Math.max(after, newest(items) - KEPT);
    after = found.length < numbers ? last : newest(items);
    updateRows(list, items, ({ number }) => String(number), requestRow);
    none.hidden = items.length > 0;
  }

  const look = keepFresh(signal, refresh, () => (looked ? serverNow() + (Date.now() - active < 60000 ? PAUSE : IDLE_PAUSE) : 0));
  window.addEventListener('click', () => {
    active = Date.now();
    look();
  }, { signal });
  const card = h('section.card', { 'aria-labelledby': 'inbox' },
    h('h2', { id: 'inbox' }, 'Requests received'),
    h('p.hint', {}, 'By this test address: the last 100, for 24 hours. To have them sent on to your own machine, save ',
      h('a', { href: '../aisoule_webhooks.py', download: true }, 'aisoule_webhooks.py'), ' and run, with Python: ',
      code(command), ' ', copyButton(command, 'the command')),
    none, list);
  look();
  return card;
}

/** @param {ReceivedRequest[]} items */
const newest = ([first]) => first?.number ?? 0;

/** @param {ReceivedRequest} request */
function requestRow({ number, received_at: at, headers, body, verified }) {
  const good = verified.length > 1;
  const text = [...Object.entries(headers).map((header) => header.join(': ')), '', body].join('\n');
  return h(`li.${good ? 'good' : 'bad'}`, {},
    h('div.attempt', {}, h('strong', {}, `Request ${number}`), ' ',
      h(`span.pill.${good ? 'good' : 'bad'}`, {}, good ? 'Verified' : 'X-Webhook-Signature is wrong'),
      h('span.hint', {}, code(headers['webhook-id']), ' · ', timeOf(at))),
    h('details', {}, h('summary', {}, 'Headers and body'), box(text, `Request ${number}`)));
}
