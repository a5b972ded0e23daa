import { call } from './api.js';
import { button, h, newId } from './dom.js';
import { openDialog } from './dialog.js';
import { attempt, outcome } from './outcome.js';

// The address that gets an email when a webhook begins to fail, where this installation sends emails.

/**
 * A button, and a line for what came of it; null where no emails are sent.
 *
 * @param {AbortSignal} signal
 */
export function mailsButton(signal) {
  if (!('mails' in document.body.dataset)) return null;
  const line = outcome();
  const pressed = button('Email alerts…', () => attempt(pressed, 'Loading…', line, async () => {
    const { email, enabled } = await call('GET', 'notifications', { signal });
    mailsDialog(email ?? '', enabled, line.say);
  }));
  return { pressed, line };
}

/**
 * @param {string} email
 * @param {boolean} enabled
 * @param {(said: string) => void} then
 */
function mailsDialog(email, enabled, then) {
  const id = newId('email');
  const address = h('input', { id, type: 'email', value: email, autocomplete: 'email', 'aria-describedby': `${id}-hint` });
  const send = h('input', { type: 'checkbox', checked: enabled });
  const line = outcome();
  const save = h('button.primary', { type: 'submit' }, 'Save');
  const form = h('form', { novalidate: true },
    h('div.field', {}, h('label', { for: id }, 'Email'), h('p.hint', { id: `${id}-hint` }, 'Leave it empty to send no emails.'), address),
    h('label.check', {}, send, h('span', {}, 'Send alerts')),
    line, h('div.buttons', {}, save, button('Cancel', () => dialog.close())));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    attempt(save, 'Saving…', line, async () => {
      const body = { email: address.value.trim() || null, enabled: send.checked };
      const saved = await call('PUT', 'notifications', { body });
      dialog.close();
      then(saved.email && saved.enabled ? `Alerts go to ${saved.email}.` : 'No alerts are sent.');
    });
  });
  const dialog = openDialog('Email alerts',
    h('p', {}, 'When one of this account’s webhooks begins to fail, one address gets an email: at most one a day for each webhook.'), form);
}
