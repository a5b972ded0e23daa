'use strict';

// Sending again all that failed since a time: a page a call, as long as the reader lets it.

const recoveries = new Map();
const DAY = 86400000;
const EARLIER = 3600000;

/** What made it fail was accepted before it was failing: by the whole of the retries, and a wait in the queue. */
function sinceFor(webhook) {
  const failing = Date.parse(webhook.failing_since ?? '');
  return failing ? failing - EARLIER : serverNow() - DAY;
}

/** `seen` is called when something was enqueued. A recovery that was stopped goes on where it was. */
function recoverDialog(webhook, seen) {
  const id = newId('since');
  const error = h('p.error', { id: `${id}-error` });
  const stopped = recoveries.get(webhook.id);
  const input = h('input', {
    id, type: 'datetime-local', required: true, 'aria-describedby': `${id}-hint ${error.id}`,
    value: localInput(stopped ? Date.parse(stopped.since) : sinceFor(webhook)),
  });
  const progress = h('progress', { 'aria-label': 'Recovering', hidden: true });
  const line = outcome();
  let going = false;

  const start = button('Recover', () => {
    const state = stateFor(webhook, input, error);
    if (state) attempt(start, 'Recovering…', line, () => run(state)).then(label);
  }, '.primary');
  const close = button('Close', () => { if (going) going = false; else dialog.close(); });
  const label = () => { start.textContent = recoveries.has(webhook.id) ? 'Continue' : 'Recover'; };

  async function run(state) {
    going = true;
    progress.hidden = false;
    close.textContent = 'Stop';
    try {
      await goOn(webhook, state, () => going, (text) => line.say(text), seen);
      line.say(summary(state, going));
    } catch (refused) {
      throw new Refused(refused.status, `${refused.message} Sent again before that: ${state.enqueued}.`, refused);
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
  const dialog = openDialog('Recover failed deliveries',
    h('p', {}, 'Every delivery that has failed is sent again, the oldest first. Those that arrived are left alone.'),
    h('div.field', {}, h('label', { for: id }, 'Events since'),
      h('p.hint', { id: `${id}-hint` }, 'When they were accepted, in your time zone. The log goes back 30 days.'), input, error),
    progress, line, h('div.buttons', {}, start, close));
  dialog.addEventListener('close', () => { going = false; });
  label();
}

function summary({ enqueued, cursor }, going) {
  if (!going && cursor) return `Stopped. Sent again so far: ${enqueued}. Continue when you like.`;
  return enqueued ? `Done. Sent again: ${enqueued}.` : 'Nothing has failed since then.';
}

function stateFor(webhook, input, error) {
  const since = new Date(input.value);
  const wrong = Number.isNaN(since.getTime());
  error.textContent = wrong ? 'Choose a date and a time.' : '';
  if (wrong) input.setAttribute('aria-invalid', 'true');
  else input.removeAttribute('aria-invalid');
  if (wrong) return input.focus();
  if (!recoveries.has(webhook.id)) {
    recoveries.set(webhook.id, { since: since.toISOString(), cursor: null, enqueued: 0 });
  }
  return recoveries.get(webhook.id);
}

/** Page by page; where the account's limit is reached, it waits for the next minute. */
async function goOn(webhook, state, going, say, seen) {
  do {
    const body = { since: state.since, ...(state.cursor && { cursor: state.cursor }) };
    try {
      const answer = await call('POST', path(webhook.id, 'recover'), { body });
      state.enqueued += answer.enqueued;
      state.cursor = answer.next_cursor;
      if (!state.cursor) recoveries.delete(webhook.id);
      say(`Sent again so far: ${state.enqueued}…`);
      seen();
    } catch (refused) {
      if (!refused.retryAfter) throw refused;
      await countDown(refused.retryAfter, (left) => say(`Sent again so far: ${state.enqueued}. Going on in ${left} s…`), going);
    }
  } while (recoveries.has(webhook.id) && going());
}
