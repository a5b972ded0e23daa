import { openDialog } from './dialog.js';
import { button, h } from './dom.js';

// Leaving a form that has been filled in: what was typed would be lost.

/** @type {() => boolean} */
let unsaved = () => false;

/**
 * @param {AbortSignal} signal
 * @param {() => boolean} isUnsaved whether there is something to lose
 */
export function guard(signal, isUnsaved) {
  unsaved = isUnsaved;
  window.addEventListener('beforeunload', (event) => { if (isUnsaved()) event.preventDefault(); }, { signal });
  signal.addEventListener('abort', leaveUnasked);
}

export const hasUnsaved = () => unsaved();
export const leaveUnasked = () => { unsaved = () => false; };

/**
 * Asks if there is something to lose.
 *
 * @returns {Promise<boolean>}
 */
export function mayLeave() {
  if (!unsaved()) return Promise.resolve(true);
  return new Promise((resolve) => {
    let agreed = false;
    const stay = button('Keep editing', () => dialog.close(), '.primary');
    const dialog = openDialog('Leave without saving?',
      h('p', {}, 'What you have entered is not saved.'),
      h('div.buttons', {}, stay, button('Leave', () => {
        agreed = true;
        leaveUnasked();
        dialog.close();
      })));
    dialog.addEventListener('close', () => resolve(agreed));
    stay.focus();
  });
}
