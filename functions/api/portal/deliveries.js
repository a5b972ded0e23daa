/** @import { Attempt, Delivery, EventType, Filter, Webhook } from './types' */
import { announce, button, fill, h } from './dom.js';
import { filterBoxes, filterInAddress, queryOf } from './filters.js';
import { loading } from './frame.js';
import { keepFresh, updateRows } from './live.js';
import { dueOf, isUnderWay, LogReader } from './log.js';
import { deliveryRow, focusOn, nothing } from './log_rows.js';
import { attempt, outcome } from './outcome.js';
import { recoverDialog } from './recover.js';
import { isAbort } from './refused.js';
import { renameTo } from './router.js';
import { serverNow, timeOf } from './time.js';
import { comeBackTo, keepLog } from './way_back.js';

// The delivery log of a webhook, live: what happens is shown by itself.

const SETTLING = 3; // looks

/**
 * @typedef {object} DeliveryLog
 * @property {HTMLElement} card
 * @property {() => Promise<unknown>} start
 * @property {() => Attempt | undefined} latestFailure of those that are shown
 * @property {() => void} recover asks since when failed ones are to be sent again
 * @property {(eventId: string, say: (delivery: Delivery) => void) => Promise<void>} follow shows the newest, whatever was
 *   filtered, and tells how the delivery goes on
 */

/**
 * @param {() => Webhook} current
 * @param {EventType[]} types
 * @param {AbortSignal} signal
 * @param {() => Promise<void>} settled called when deliveries have ended, which may have changed the webhook
 * @returns {DeliveryLog}
 */
export function deliveryLog(current, types, signal, settled) {
  const { id } = current();
  const log = new LogReader(id, filterInAddress(), signal);
  keepLog(log);
  const list = h('ul.rows', { 'aria-label': 'Deliveries' });
  const body = h('div', {}, loading('deliveries'));
  const line = outcome();
  const searched = h('p.hint');
  /** @type {Map<string, (delivery: Delivery) => void>} */
  const followed = new Map();
  let settling = 0;

  const more = button('Load more', () => attempt(more, 'Loading…', line, async () => {
    const before = log.items.length;
    await log.more();
    paint();
    announce(`${log.items.length - before} more deliveries`);
  }));
  const filters = filterBoxes(log.filter, types, filterBy);

  function paint() {
    updateRows(list, log.items, ({ event_id }) => event_id, (item) => deliveryRow(id, item));
    if (!log.items.length) body.replaceChildren(h('p.nothing', {}, nothing(log)));
    else if (!list.isConnected) body.replaceChildren(list); // else the focus in it would be lost
    more.hidden = !log.cursor;
    fill(searched, log.cursor && log.searchedTo ? ['Looked back to ', timeOf(log.searchedTo), '.'] : []);
    for (const [eventId, say] of followed) {
      const item = log.items.find(({ event_id }) => event_id === eventId);
      if (item) say(item);
      if (item && !isUnderWay(item)) followed.delete(eventId);
    }
  }

  /** @param {Partial<Filter>} change */
  async function filterBy(change) {
    log.filterBy(change);
    renameTo(`#/${id}${queryOf(log.filter)}`);
    line.clear();
    more.hidden = true;
    fill(searched);
    if (await restart()) announce(log.items.length ? `${log.items.length} deliveries` : nothing(log));
  }

  /** What was shown before, on the way back from a delivery, or the newest. */
  async function start() {
    const left = comeBackTo(log);
    if (!left) return restart();
    paint();
    scrollTo(0, left.scroll);
    focusOn(list, left.eventId);
    await refresh().catch(() => {}); // what was shown stays
    return plan();
  }

  /** Whether the newest are shown: not if another restart took the place of this one. */
  async function restart() {
    body.setAttribute('aria-busy', 'true');
    try {
      await log.restart();
      paint();
      plan();
    } catch (error) {
      if (isAbort(error)) return false;
      body.removeAttribute('aria-busy');
      line.fail(error);
      if (!log.items.length) body.replaceChildren(h('p.nothing', {}, button('Try again', restart)));
      return false;
    }
    body.removeAttribute('aria-busy');
    return true;
  }

  /** Whether something changed. What has become final may have changed the webhook too, a moment later. */
  async function refresh() {
    const before = JSON.stringify(log.items);
    const ended = await log.refresh();
    if (ended.length) announce(ended.slice(0, 3).map((item) => `${item.event} ${item.status}`).join(', '));
    settling = ended.length ? SETTLING : Math.max(settling - 1, 0);
    paint();
    if (settling) await settled();
    return before !== JSON.stringify(log.items);
  }

  const nextDue = () => {
    const due = log.items.filter(isUnderWay).map(dueOf);
    if (settling) due.push(serverNow());
    return due.length ? Math.min(...due) : 'slowly';
  };
  const plan = keepFresh(signal, refresh, nextDue);

  /** @type {DeliveryLog['follow']} */
  async function follow(eventId, say) {
    signal.throwIfAborted();
    followed.set(eventId, say);
    settling = SETTLING;
    filters.clear();
    await filterBy({ status: '', event: '', since: '', until: '' });
  }

  const again = button('Refresh', () => attempt(again, 'Refreshing…', line, async () => {
    await refresh();
    plan();
    announce('The deliveries are up to date');
  }), '.small');
  /** What comes of it changes the webhook too, even if it is quicker than we look. */
  const recover = () => recoverDialog(current(), async () => {
    settling = SETTLING;
    await restart();
  });
  const card = h('section.card.flush', { 'aria-labelledby': 'deliveries' },
    h('div.card-head', {}, h('h2', { id: 'deliveries' }, 'Deliveries'), h('div.buttons', {}, again, button('Resend failed…', recover, '.small')), filters),
    line, body, h('div.card-foot', {}, searched, more));
  more.hidden = true;
  return { card, start, follow, recover, latestFailure: () => log.latestFailure() };
}
