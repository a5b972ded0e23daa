/** @import { Counts, Stats, Webhook } from './types' */
import { call } from './api.js';
import { announce, fill, h, newId } from './dom.js';
import { outcome } from './outcome.js';
import { facts, pathOf } from './parts.js';
import { serverNow, timeOf } from './time.js';

// How a webhook's deliveries went: a small chart, and the same as a table and in words.

/** @type {Record<string, string>} */
const PERIODS = { '1h': 'Last hour', '24h': 'Last 24 hours', '7d': 'Last 7 days' };
const RECOUNT_PAUSE = 5000; // ms, from one count to the next at least: they are limited per account

/**
 * Not ended when the reader goes on: there is often one under way, and what was begun is computed in any case.
 *
 * @param {string} id of the webhook
 * @param {string} period
 * @returns {Promise<Stats>}
 */
export const statsOf = (id, period) => call('GET', `${pathOf(id, 'stats')}?period=${period}`);

const HOUR = 3600000;

/**
 * Of events accepted from the time `since` on; of the last 7 days at most.
 *
 * @param {string} id of the webhook
 * @param {string} since
 * @returns {Promise<Stats>}
 */
export function statsSince(id, since) {
  const age = serverNow() - Date.parse(since);
  const period = age < HOUR ? '1h' : age < 24 * HOUR ? '24h' : '7d';
  return call('GET', `${pathOf(id, 'stats')}?${new URLSearchParams({ period, since })}`);
}

/** @param {Counts[]} buckets */
export function bars(buckets) {
  const highest = Math.max(1, ...buckets.map(({ delivered, failed }) => delivered + failed));
  /** @type {(look: string, count: number) => HTMLElement} */
  const bar = (look, count) => {
    const element = h(`i.${look}`);
    element.style.height = `${100 * count / highest}%`;
    return element;
  };
  return h('span.bars', { 'aria-hidden': 'true' }, buckets.map(({ delivered, failed }) => (
    h('span', {}, bar('bad', failed), bar('good', delivered)))));
}

/**
 * The card; `reload()` counts again, without a word, and soon at the latest.
 *
 * @param {Webhook} webhook
 * @param {AbortSignal} signal
 */
export function statsCard({ id, catch_up: catchUp }, signal) {
  const body = h('div.stats');
  const table = h('table');
  const details = h('details', { hidden: true }, h('summary', {}, 'As a table'), table);
  const line = outcome();
  const select = h('select', { id: newId('period') }, Object.entries(PERIODS).map(([value, text]) => h('option', { value }, text)));
  select.value = '24h';
  let asked = 0;
  let shown = 0;
  let askedAt = 0;
  let waiting = false;

  async function load(quietly = false) {
    const number = ++asked;
    askedAt = Date.now();
    try {
      const stats = await statsOf(id, select.value);
      if (stats.period !== select.value || number < shown) return;
      shown = number;
      line.clear();
      const focused = body.contains(document.activeElement);
      fill(body, ...statsShown(stats, `#/${id}?status=failed&since=${stats.since}`, catchUp));
      if (focused) body.querySelector('a')?.focus({ preventScroll: true });
      fill(table, ...tableOf(stats));
      details.hidden = false;
    } catch (error) {
      if (!quietly) line.fail(error);
    }
  }

  function reload() {
    if (waiting) return;
    waiting = true;
    setTimeout(() => {
      waiting = false;
      if (!signal.aborted) load(true);
    }, askedAt + RECOUNT_PAUSE - Date.now());
  }

  select.addEventListener('change', async () => {
    await load();
    if (!signal.aborted) announce(`Health of the ${PERIODS[select.value].toLowerCase()}`);
  });
  load();
  const card = h('section.card', { 'aria-labelledby': 'health' },
    h('div.filters', {}, h('h2', { id: 'health' }, 'Health'), h('div.field', {}, h('label.unseen', { for: select.id }, 'Period'), select)),
    line, body, details);
  return { card, reload };
}

/**
 * @param {Stats} stats
 * @param {string} log where those are that failed
 * @param {boolean} catchUp
 */
function statsShown({ buckets, since, until, complete, answer_ms: answer, delivered, failed, retried }, log, catchUp) {
  const ended = delivered + failed;
  const rate = Math.floor(1000 * delivered / ended) / 10; // 100 % is all of them
  return [
    bars(buckets),
    facts(
      ['Delivered', ended ? `${delivered} of ${ended}, ${rate} %` : 'Nothing was sent'],
      ['Failed', failed ? h('a', { href: log }, `${failed}${catchUp ? '' : ', not resent automatically'}`) : '0'],
      ['Retried', String(retried)],
      ['Response time', answer && `Half within ${answer.p50} ms, 95 % within ${answer.p95} ms, 99 % within ${answer.p99} ms`]),
    h('p.hint', {}, complete ? 'Since ' : 'Too many to count all: only since ', timeOf(since), ', until ', timeOf(until), '.'),
  ];
}

/** @param {Stats} stats */
const tableOf = ({ buckets }) => [
  h('thead', {}, h('tr', {}, ['From', 'Delivered', 'Failed', 'Retried'].map((name) => h('th', { scope: 'col' }, name)))),
  h('tbody', {}, buckets.map((bucket) => h('tr', {}, h('th', { scope: 'row' }, timeOf(bucket.since)),
    [bucket.delivered, bucket.failed, bucket.retried].map((count) => h('td', {}, count))))),
];
