/** @import { FoundEvent, Webhook } from './types' */
import { call } from './api.js';
import { copyButton } from './copy.js';
import { announce, code, h, newId, theirs } from './dom.js';
import { crumbs, heading, loading } from './frame.js';
import { keepFresh, updateRows } from './live.js';
import { dueOf, isUnderWay } from './log.js';
import { box, facts, pill } from './parts.js';
import { Refused, statusOf } from './refused.js';
import { go } from './router.js';
import { countdown, serverNow, timeOf } from './time.js';
import { sentence } from './words.js';

// One event by its id, and what becomes of it at every webhook.

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
  /** @type {() => Promise<FoundEvent>} */
  const ask = () => call('GET', `events/${eventId}`, { signal });
  /** @type {FoundEvent} */
  let event;
  try {
    event = await ask();
  } catch (error) {
    if (statusOf(error) !== 404) throw error;
    place.replaceChildren(heading('No such event'), h('p.card', {}, theirs(error instanceof Refused ? error.message : '')), finder(eventId));
    return;
  }
  if (signal.aborted) return;
  const payload = JSON.stringify(event.payload, null, 2);
  const list = h('ul.rows', { 'aria-label': 'Deliveries' });
  const rest = h('p.nothing');
  let awaited = true;

  const statuses = () => event.deliveries.map(({ webhook_name: name, status }) => `${name} ${status}`);

  function paint() {
    updateRows(list, event.deliveries, ({ webhook_id: id }) => id, (delivery) => eventDeliveryRow(eventId, delivery));
    list.hidden = !event.deliveries.length;
    rest.textContent = unlisted(event);
    rest.hidden = !rest.textContent;
  }

  /** Whether a first attempt may still come: to a webhook without a delivery that is there and was to get such events. */
  async function isAwaited() {
    if (missing(event) <= 0) return false;
    const known = new Set(event.deliveries.map(({ webhook_id: id }) => id));
    /** @type {{data: Webhook[], next_cursor: string | null}} */
    const { data, next_cursor: more } = await call('GET', 'webhooks?limit=100', { signal });
    const accepted = Date.parse(event.accepted_at);
    return more !== null || data.some(({ id, events, whatsapp_account_ids: accounts, created_at: created, disabled_at: disabled }) => (
      !known.has(id) && events.includes(event.event)
      && (!accounts.length || accounts.includes(event.payload?.data?.whatsapp_account_id))
      && Date.parse(created) <= accepted && !(Date.parse(disabled ?? '') <= accepted)));
  }

  async function refresh() {
    const before = statuses();
    event = await ask();
    const news = statuses().filter((each) => !before.includes(each));
    paint();
    if (news.length) announce(news.slice(0, 3).join(', '));
    else awaited = await isAwaited();
    return news.length > 0;
  }

  const plan = keepFresh(signal, refresh, () => {
    const due = event.deliveries.filter(isUnderWay).map(dueOf);
    if (awaited && missing(event) > 0) due.push(serverNow());
    return due.length ? Math.min(...due) : null;
  });
  paint();
  place.replaceChildren(heading(event.event), h('section.card.across', {}, facts(
    ['Event id', code(event.id)],
    ['Accepted', timeOf(event.accepted_at)],
    ['Webhooks', event.webhooks])),
  h('section.card.flush', { 'aria-labelledby': 'deliveries' },
    h('div.card-head', {}, h('h2', { id: 'deliveries' }, 'Deliveries')),
    list, rest),
  h('section.card', { 'aria-labelledby': 'payload' },
    h('div.card-title', {}, h('h2', { id: 'payload' }, 'Payload'), copyButton(payload, 'the payload')),
    box(payload, 'Payload')), finder());
  plan();
}

/** @param {FoundEvent} event */
const missing = ({ webhooks, deliveries }) => (webhooks ?? 0) - deliveries.length;

/** @param {FoundEvent} event */
function unlisted(event) {
  const count = missing(event);
  const { length } = event.deliveries;
  if (count > 0) return `${count} ${length ? 'more' : count > 1 ? 'webhooks' : 'webhook'}: no attempt yet, or deleted.`;
  return length ? '' : 'No delivery is in the log.';
}

/**
 * @param {string} eventId
 * @param {FoundEvent['deliveries'][number]} delivery
 */
const eventDeliveryRow = (eventId, { webhook_id: id, webhook_name: name, status, attempts, next_attempt_at: next, error }) => (
  h('li', {}, h('a.row', { href: `#/${id}/deliveries/${eventId}` },
    h('span.what', {}, h('strong.name', {}, theirs(name)), h('span.hint', {}, `${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`, next && ' · ', next && countdown(next)),
      error && h('span.why', {}, theirs(sentence(error)))),
    pill(status))));
