/** @import { Webhook } from './types' */
import { howTheyEnded } from './advice.js';
import { fill, h } from './dom.js';
import { bars, statsOf } from './stats.js';

const FRESH = 300000; // ms, until a chart is counted again: counts are limited per account
const AFTER_REFUSAL = 60000; // ms

/**
 * Small charts in a list: counted when they come into view, one after the other, and again when they are old or the status
 * changes.
 *
 * @param {AbortSignal} signal
 */
export function sparks(signal) {
  /** @type {Map<string, HTMLElement>} */
  const places = new Map();
  /** @type {Set<Element>} */
  const inView = new Set();
  /** When each is to be counted again; at once if it is not there. @type {WeakMap<Element, number>} */
  const due = new WeakMap();
  let asking = false;

  const observer = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) inView[isIntersecting ? 'add' : 'delete'](target);
    refresh();
  });
  signal.addEventListener('abort', () => observer.disconnect());

  async function refresh() {
    if (asking) return;
    asking = true;
    for (const spark of inView) { // also what is added meanwhile
      if (Date.now() < (due.get(spark) ?? 0)) continue;
      due.set(spark, Date.now() + FRESH);
      const stats = await statsOf(spark.id.slice(6), '24h').catch(() => null); // it is an ornament
      if (signal.aborted) return;
      if (stats) fill(spark, bars(stats.buckets), h('span.unseen', {}, `Last 24 hours: ${howTheyEnded(stats, stats.since)}.`));
      else due.set(spark, Date.now() + AFTER_REFUSAL);
    }
    asking = false;
  }

  /** @param {Webhook} webhook */
  function chartOf({ id, status }) {
    const spark = places.get(id) ?? h('span.spark', { id: `spark-${id}` });
    places.set(id, spark);
    if (spark.dataset.status !== status) {
      spark.dataset.status = status;
      due.delete(spark);
      inView.delete(spark);
      observer.unobserve(spark);
      observer.observe(spark); // says anew whether it is in view
    }
    return spark;
  }

  return { chartOf, refresh };
}
