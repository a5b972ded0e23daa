/** @import { Webhook } from './types' */
import { howTheyEnded } from './advice.js';
import { call } from './api.js';
import { fill, h } from './dom.js';
import { keepFresh } from './live.js';
import { pathOf } from './parts.js';
import { statusOf } from './refused.js';
import { statsSince } from './stats.js';
import { timeOf } from './time.js';

// How many deliveries failed and arrived since the event that made a webhook fail: others may still arrive.

/**
 * A place for it; `look()` counts again. Counted by the API, whatever part of the log is shown.
 *
 * @param {() => Webhook} current
 * @param {AbortSignal} signal
 */
export function outageCounts(current, signal) {
  const place = h('p');
  const isFailing = () => current().status === 'failing';
  /** @type {{eventId: string | null, at: string}} */
  let began = { eventId: null, at: '' };
  let shown = '';

  /** @param {Webhook} webhook */
  async function beginOf({ id, failing_event_id: eventId, failing_since: since }) {
    if (!eventId) return String(since);
    if (began.eventId !== eventId) {
      const delivery = await call('GET', pathOf(id, 'deliveries', eventId), { signal }).catch((error) => {
        if (statusOf(error) !== 404) throw error; // the log has it for 30 days
      });
      began = { eventId, at: delivery?.accepted_at ?? String(since) };
    }
    return began.at;
  }

  async function refresh() {
    if (!isFailing()) return false;
    const since = await beginOf(current());
    const words = howTheyEnded(await statsSince(current().id, since), since);
    const same = shown === since + words;
    shown = since + words;
    if (!same) fill(place, 'Of the events accepted since ', timeOf(since), `, ${words}.`);
    return !same;
  }

  const plan = keepFresh(signal, refresh, () => (isFailing() ? 'slowly' : null));
  return { place, look: () => refresh().catch(() => {}).then(plan) };
}
