/** @import { FoundEvent } from './types' */
import { call } from './api.js';
import { code, copyButton, h, newId, theirs } from './dom.js';
import { crumbs, heading, loading } from './frame.js';
import { box, facts, pill } from './parts.js';
import { Refused, statusOf } from './refused.js';
import { go } from './router.js';
import { timeOf } from './time.js';
import { sentence } from './words.js';

// One event by its id, and what became of it at every webhook.

/** @param {string} [eventId] */
export function finder(eventId = '') {
  const id = newId('find');
  const input = h('input', {
    id, value: eventId, type: 'search', required: true, pattern: '\\s*[A-Za-z0-9_\\-]{1,64}\\s*', title: 'Letters, digits, hyphens and underscores',
    autocomplete: 'off', spellcheck: 'false',
  });
  const submitted = (/** @type {Event} */ event) => {
    event.preventDefault();
    go(`#/events/${input.value.trim()}`);
  };
  return h('form.inline', { role: 'search', 'aria-label': 'Events', onsubmit: submitted },
    h('div.field', {}, h('label', { for: id }, 'Event id'), input), h('button', { type: 'submit' }, 'Find event'));
}

/**
 * @param {HTMLElement} place
 * @param {AbortSignal} signal
 * @param {string} eventId
 */
export async function eventView(place, signal, eventId) {
  crumbs(['Event']);
  place.append(loading('the event'));
  /** @type {FoundEvent} */
  let event;
  try {
    event = await call('GET', `events/${eventId}`, { signal });
  } catch (error) {
    if (statusOf(error) !== 404) throw error;
    place.replaceChildren(heading('No such event'), h('p.card', {}, theirs(error instanceof Refused ? error.message : '')), finder(eventId));
    return;
  }
  if (signal.aborted) return;
  const payload = JSON.stringify(event.payload, null, 2);
  const missing = (event.webhooks ?? 0) - event.deliveries.length;
  place.replaceChildren(heading(event.event), h('section.card.across', {}, facts(
    ['Event id', code(event.id)],
    ['Accepted', timeOf(event.accepted_at)],
    ['Webhooks', event.webhooks])),
  h('section.card.flush', { 'aria-labelledby': 'deliveries' },
    h('div.card-head', {}, h('h2', { id: 'deliveries' }, 'Deliveries')),
    h('ul.rows', { 'aria-label': 'Deliveries' }, event.deliveries.map((delivery) => eventDeliveryRow(event.id, delivery))),
    missing > 0 && h('p.nothing', {}, `${missing} more: no attempt was made yet, or the webhook was deleted.`)),
  h('section.card', { 'aria-labelledby': 'payload' },
    h('div.card-title', {}, h('h2', { id: 'payload' }, 'Payload'), copyButton(payload, 'the payload')),
    box(payload, 'Payload')), finder());
}

/**
 * @param {string} eventId
 * @param {FoundEvent['deliveries'][number]} delivery
 */
const eventDeliveryRow = (eventId, { webhook_id: id, webhook_name: name, status, attempts, error }) => (
  h('li', {}, h('a.row', { href: `#/${id}/deliveries/${eventId}` },
    h('span.what', {}, h('strong.name', {}, theirs(name)), h('span.hint', {}, `${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`),
      error && h('span.why', {}, theirs(sentence(error)))),
    pill(status))));
