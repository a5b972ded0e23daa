'use strict';

// Sending again all that failed since a time: a page a call, as long as the reader lets it.

const recoveries = new Map();

/** `seen` is called when something was enqueued. A recovery that was stopped goes on where it was. */
function recoverDialog(webhook, seen) {
  const id = newId('since');
  const error = h('p.error', { id: `${id}-error` });
  const stopped = recoveries.get(webhook.id);
  const input = h('input', {
    id, type: 'datetime-local', step: 60, required: true, 'aria-describedby': error.id,
    value: localInput(stopped ? Date.parse(stopped.since) : Date.parse(webhook.failing_since ?? '') || serverNow() - 86400000),
  });
  const progress = h('progress', { 'aria-label': 'Recovering', hidden: true });
  const line = outcome();
  let going = false;
  const start = button(stopped ? 'Continue' : 'Recover', () => attempt(start, 'Recovering…', line, async () => {
    const state = stateFor(webhook, input, error);
    if (!state) return;
    going = true;
    progress.hidden = false;
    close.textContent = 'Stop';
    try {
      await goOn(webhook, state, () => going, (total) => {
        line.say(`${total} sent again so far…`);
        seen();
      });
      if (going) line.say(state.enqueued ? `Done: ${state.enqueued} are being sent again.` : 'Nothing has failed since then.');
      else line.say(`Stopped: ${state.enqueued} are being sent again. Continue when you like.`);
    } catch (refused) {
      const { status, message, retryAfter } = refused;
      throw new Refused(status, message, { retryAfter, more: ` ${state.enqueued} were sent again; continue from there.` });
    } finally {
      going = false;
      progress.hidden = true;
      close.textContent = 'Close';
      relabel();
    }
  }), '.primary');
  const close = button('Close', () => { if (going) going = false; else dialog.close(); });
  const relabel = () => setTimeout(() => { start.textContent = recoveries.has(webhook.id) ? 'Continue' : 'Recover'; });
  input.addEventListener('input', () => {
    recoveries.delete(webhook.id); // another time is another recovery
    relabel();
  });
  const dialog = openDialog('Recover failed deliveries',
    h('p', {}, 'Every delivery that has failed since then is sent again, once. Those that arrived are left alone.'),
    h('div.field', {}, h('label', { for: id }, 'Failed since'), input, error,
      h('p.hint', {}, 'In your own time zone; the log goes back 30 days.')),
    progress, line, h('div.buttons', {}, start, close));
  dialog.addEventListener('close', () => { going = false; });
}

function stateFor(webhook, input, error) {
  const since = new Date(input.value);
  const wrong = Number.isNaN(since.getTime());
  error.textContent = wrong ? 'Choose a date and a time.' : '';
  input.toggleAttribute('aria-invalid', wrong);
  if (wrong) return input.focus();
  if (!recoveries.has(webhook.id)) {
    recoveries.set(webhook.id, { since: since.toISOString().replace('.000Z', 'Z'), cursor: null, enqueued: 0 });
  }
  return recoveries.get(webhook.id);
}

async function goOn(webhook, state, going, say) {
  do {
    const body = { since: state.since, ...(state.cursor && { cursor: state.cursor }) };
    const answer = await call('POST', path(webhook.id, 'recover'), { body });
    state.enqueued += answer.enqueued;
    state.cursor = answer.next_cursor;
    say(state.enqueued);
  } while (state.cursor && going());
  if (!state.cursor) recoveries.delete(webhook.id);
}
