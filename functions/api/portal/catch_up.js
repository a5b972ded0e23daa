/** @import { CatchUp, Webhook } from './types' */
import { call } from './api.js';
import { announce, fill, h } from './dom.js';
import { keepFresh } from './live.js';
import { pathOf } from './parts.js';
import { timeOf } from './time.js';

// How far the sending again of what failed in an outage is.

/**
 * A place for it, which stays empty for a webhook that does not catch up; `look()` asks again.
 *
 * @param {() => Webhook} current
 * @param {AbortSignal} signal
 */
export function catchUpBanner(current, signal) {
  const place = h('div');
  /** @type {CatchUp | null} */
  let shown = null;
  let known = false;

  async function refresh() {
    const before = JSON.stringify(shown);
    const was = shown?.state;
    known = false;
    shown = current().catch_up ? await call('GET', pathOf(current().id, 'catch-up'), { signal }) : null;
    known = true;
    const same = JSON.stringify(shown) === before;
    if (!same) fill(place, shown && banner(shown));
    if (was === 'sending' && shown?.state === 'done') announce(sentAgain(shown));
    return !same;
  }

  const plan = keepFresh(signal, refresh, () => (
    !known || shown?.state === 'sending' || shown?.state === 'waiting' ? 'slowly' : null));
  return { place, look: () => refresh().catch(() => {}).then(plan) };
}

/** @param {CatchUp} catchUp */
function banner({ state, sent, total, next_look_at: next, ended_at: ended }) {
  const of = `${number(sent)} of ${number(total)}`;
  switch (state) {
    case 'waiting':
      return h('section.banner.off', { 'aria-label': 'Catching up' }, h('h2', {}, 'Failed deliveries are resent automatically'),
        h('p', {}, 'As soon as your server answers 200. ', next && ['If nothing happens before, it is tried ', timeOf(next), '. '],
          sent > 0 && `${of} were sent again before it failed once more.`));
    case 'sending':
      return h('section.banner.off', { 'aria-label': 'Catching up' }, h('h2', {}, 'Sending again what failed'),
        h('progress', { 'aria-label': 'Sent again', max: String(total), value: String(sent) }),
        h('p', {}, `${of} sent again.`));
    case 'done':
      return h('p.hint', {}, `After the last outage, ${sentAgain({ sent })}, `, timeOf(String(ended)), '.');
    case 'given_up':
      return h('section.banner.bad', { 'aria-label': 'Catching up' }, h('h2', {}, 'Failed deliveries are no longer resent automatically'),
        h('p', {}, 'Your server was down for too long, or too often. Catching up ended ', timeOf(String(ended)), `, with ${of} sent again. `,
          'The rest is in the log: resend it when your server works again.'));
    default:
      return null;
  }
}

/** @param {Pick<CatchUp, 'sent'>} catchUp */
const sentAgain = ({ sent }) => `${number(sent)} ${sent === 1 ? 'delivery was' : 'deliveries were'} sent again`;

/** @param {number} count */
const number = (count) => count.toLocaleString('en');
