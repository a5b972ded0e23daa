/** @import { Webhook } from './types' */
import { fill, h } from './dom.js';
import { bars, statsOf } from './stats.js';

/**
 * Small charts in a list: asked for when they come into view, one after the other, and again when the status changes.
 *
 * @param {AbortSignal} signal
 * @returns {(webhook: Webhook) => HTMLElement} the place of the webhook's chart
 */
export function sparks(signal) {
  /** @type {Map<string, HTMLElement>} */
  const places = new Map();
  /** @type {Set<Element>} */
  const inView = new Set();
  let asking = false;

  const observer = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) inView[isIntersecting ? 'add' : 'delete'](target);
    load();
  });
  signal.addEventListener('abort', () => observer.disconnect());

  async function load() {
    if (asking) return;
    asking = true;
    for (const spark of inView) { // also what is added meanwhile
      inView.delete(spark);
      observer.unobserve(spark);
      if (signal.aborted) return;
      const stats = await statsOf(spark.id.slice(6), '24h').catch(() => null); // it is an ornament
      if (stats) fill(spark, bars(stats.buckets), h('span.unseen', {}, `Last 24 hours: ${stats.delivered} delivered, ${stats.failed} failed.`));
    }
    asking = false;
  }

  return ({ id, status }) => {
    const spark = places.get(id) ?? h('span.spark', { id: `spark-${id}` });
    places.set(id, spark);
    if (spark.dataset.status !== status) {
      spark.dataset.status = status;
      observer.unobserve(spark);
      observer.observe(spark); // says anew whether it is in view
    }
    return spark;
  };
}
