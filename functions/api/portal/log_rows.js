/** @import { Delivery } from './types' */
/** @import { LogReader } from './log.js' */
import { code, h, theirs } from './dom.js';
import { queryOf } from './filters.js';
import { isUnderWay } from './log.js';
import { pill, testBadge } from './parts.js';
import { countdown, timeOf } from './time.js';
import { sentence } from './words.js';

// A delivery in the log's list, and what is said where there is none.

/** @param {LogReader} log */
export function nothing(log) {
  const { since, until } = log.filter;
  if (until && since > until) return 'From is after Until.';
  if (log.cursor) return 'None among the latest. Load more to look further back.';
  if (queryOf(log.filter)) return 'No delivery matches.';
  return 'Nothing was sent yet. New events appear here automatically. To see how one looks, send a test event.';
}

/**
 * @param {string} id of the webhook
 * @param {Delivery} delivery
 */
export function deliveryRow(id, delivery) {
  const last = delivery.attempts.at(-1);
  const tries = delivery.attempts.length;
  const due = isUnderWay(delivery) && delivery.next_attempt_at;
  return h('li', {}, h('a.row.delivery', { href: `#/${id}/deliveries/${delivery.event_id}` },
    h('span.what', {},
      h('span.name', {}, code(delivery.event), ' ', delivery.test && testBadge()),
      h('span.hint', {}, code(delivery.event_id)),
      last?.error && h('span.why', {}, theirs(sentence(last.error)))),
    h('span.when.hint', {},
      h('span', {}, timeOf(delivery.accepted_at)),
      h('span', {}, `${tries} ${tries === 1 ? 'attempt' : 'attempts'}`, due && [' · ', countdown(due)])),
    pill(delivery.status)));
}

/**
 * @param {HTMLElement} list
 * @param {string} eventId
 */
export function focusOn(list, eventId) {
  const row = [...list.querySelectorAll('a')].find((link) => link.hash.endsWith(`/${eventId}`));
  row?.focus({ preventScroll: true });
}
