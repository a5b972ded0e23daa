/** @import { Child, Children } from './types' */
import { button, h, newId } from './dom.js';
import { attempt, outcome } from './outcome.js';

// Dialogs: the browser's own, which keep the focus inside and give it back.

/**
 * @param {string} title
 * @param {...Children} body
 */
export function openDialog(title, ...body) {
  const id = newId('dialog');
  const dialog = h('dialog', { 'aria-labelledby': id }, h('h2', { id }, title), ...body);
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/**
 * Asks before `work` is done; what it refuses is said in the dialog. `then` follows when the dialog is closed.
 *
 * @template Done
 * @param {object} options
 * @param {string} options.title
 * @param {Child[]} options.text its paragraphs
 * @param {string} options.label
 * @param {string} options.busyLabel
 * @param {boolean} [options.danger]
 * @param {() => Promise<Done>} options.work
 * @param {(done: Done) => void} options.then
 */
export function confirmDialog({ title, text, label, busyLabel, danger, work, then }) {
  const line = outcome();
  const confirm = button(label, () => attempt(confirm, busyLabel, line, async () => {
    const done = await work();
    dialog.close();
    then(done);
  }), danger ? '.danger' : '.primary');
  const cancel = button('Cancel', () => dialog.close());
  const dialog = openDialog(title, ...text.map((paragraph) => h('p', {}, paragraph)), line,
    h('div.buttons', {}, confirm, cancel));
  cancel.focus();
  return dialog;
}

/** When the reader goes elsewhere; the session's dialog stays, for a call is waiting for it. */
export function closeDialogs() {
  for (const dialog of document.querySelectorAll('dialog')) {
    if (!dialog.classList.contains('session')) dialog.close();
  }
}
