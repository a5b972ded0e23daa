/** @import { Outcome, Webhook } from './types' */
import { call } from './api.js';
import { openDialog } from './dialog.js';
import { button, h, newId } from './dom.js';
import { attempt, countDown, outcome } from './outcome.js';
import { pathOf } from './parts.js';
import { Refused } from './refused.js';
import { localInput, serverNow } from './time.js';

// Sending again all that failed since a time: a page a call, as long as the reader lets it.

/**
 * @typedef {object} Recovery
 * @property {string} since
 * @property {string | null} cursor
 * @property {number} enqueued
 */

/** @type {Map<string, Recovery>} */
const recoveries = new Map();
const DAY = 86400000;
const EARLIER = 3600000;

/**
 * What made it fail was accepted before it was failing: by the whole of the retries, and a wait in the queue.
 *
 * @param {Webhook} webhook
 */
function sinceFor(webhook) {
  const failing = Date.parse(webhook.failing_since ?? '');
  return failing ? failing - EARLIER : serverNow() - DAY;
}

/**
 * A recovery that was stopped goes on where it was.
 *
 * @param {Webhook} webhook
 * @param {() => unknown} seen called when something was enqueued
 */
export function recoverDialog(webhook, seen) {
  const id = newId('since');
  const error = h('p.error', { id: `${id}-error` });
  const stopped = recoveries.get(webhook.id);
  const input = h('input', {
    id, type: 'datetime-local', required: true, 'aria-describedby': `${id}-hint ${error.id}`,
    value: localInput(stopped ? Date.parse(stopped.since) : sinceFor(webhook)),
  });
  const progress = h('progress', { 'aria-label': 'Resending', hidden: true });
  const line = outcome();
  let going = false;

  const start = button('Resend', () => {
    const state = stateFor(webhook, input, error);
    if (state) attempt(start, 'Resending…', line, () => run(state)).then(label);
  }, '.primary');
  const close = button('Close', () => { if (going) going = false; else dialog.close(); });
  const label = () => { start.textContent = recoveries.has(webhook.id) ? 'Continue' : 'Resend'; };

  /** @param {Recovery} state */
  async function run(state) {
    going = true;
    progress.hidden = false;
    close.textContent = 'Stop';
    try {
      await goOn(webhook, state, () => going, line.say, seen);
      line.say(summary(state, going));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      throw new Refused(error.status, `${error.message} Sent again before that: ${state.enqueued}.`, error);
    } finally {
      going = false;
      progress.hidden = true;
      close.textContent = 'Close';
    }
  }

  input.addEventListener('input', () => {
    recoveries.delete(webhook.id); // another time is another recovery
    label();
  });
  const dialog = openDialog('Resend failed deliveries',
    h('p', {}, 'Every delivery that has failed is sent again, the oldest first. Those that arrived are left alone.'),
    h('div.field', {}, h('label', { for: id }, 'Events since'),
      h('p.hint', { id: `${id}-hint` }, 'When they were accepted, in your time zone.'), input, error),
    progress, line, h('div.buttons', {}, start, close));
  dialog.addEventListener('close', () => { going = false; });
  label();
}

/**
 * @param {Recovery} recovery
 * @param {boolean} going
 */
function summary({ enqueued, cursor }, going) {
  if (!going && cursor) return `Stopped. Sent again so far: ${enqueued}. Continue when you like.`;
  return enqueued ? `Done. Sent again: ${enqueued}.` : 'Nothing has failed since then.';
}

/**
 * @param {Webhook} webhook
 * @param {HTMLInputElement} input
 * @param {HTMLElement} error
 * @returns {Recovery | null} null if the time is missing, which is then said
 */
function stateFor(webhook, input, error) {
  const since = new Date(input.value);
  const wrong = Number.isNaN(since.getTime());
  error.textContent = wrong ? 'Choose a date and a time.' : '';
  if (wrong) {
    input.setAttribute('aria-invalid', 'true');
    input.focus();
    return null;
  }
  input.removeAttribute('aria-invalid');
  const state = recoveries.get(webhook.id) ?? { since: since.toISOString(), cursor: null, enqueued: 0 };
  recoveries.set(webhook.id, state);
  return state;
}

/**
 * Page by page; where the account's limit is reached, it waits for the next minute.
 *
 * @param {Webhook} webhook
 * @param {Recovery} state
 * @param {() => boolean} going
 * @param {Outcome['say']} say
 * @param {() => unknown} seen
 */
async function goOn(webhook, state, going, say, seen) {
  do {
    const body = { since: state.since, ...(state.cursor && { cursor: state.cursor }) };
    try {
      const answer = await call('POST', pathOf(webhook.id, 'recover'), { body });
      state.enqueued += answer.enqueued;
      state.cursor = answer.next_cursor;
      if (!state.cursor) recoveries.delete(webhook.id);
      say(`Sent again so far: ${state.enqueued}…`);
      seen();
    } catch (error) {
      if (!(error instanceof Refused && error.retryAfter)) throw error;
      const { left, ended } = countDown(error.retryAfter, (seconds) => `Continuing in ${seconds} s…`, going);
      say(`Sent again so far: ${state.enqueued}. `, ...left);
      await ended;
    }
  } while (recoveries.has(webhook.id) && going());
}
