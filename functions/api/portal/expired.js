import { openDialog } from './dialog.js';
import { h } from './dom.js';
import { currentKey } from './key.js';
import { Refused } from './refused.js';
import { keyForm } from './signin.js';
import { showWho } from './who.js';

// A key that has ended while the reader was at work.

/** @type {Promise<void> | null} */
let asking = null;
/** @type {(goOn: boolean) => void} */
let settle = () => {};

/**
 * Resolves when there is another key than the one that was refused.
 *
 * @param {string} refused
 * @returns {Promise<void>}
 */
export function renewed(refused) {
  if (currentKey() !== refused) return Promise.resolve();
  asking ??= askAgain().finally(() => { asking = null; });
  return asking;
}

/**
 * Another key is there: the calls that wait for one go on with it, or fail.
 *
 * @param {boolean} goOn
 */
export const settleWaiting = (goOn) => settle(goOn);

/** @returns {Promise<void>} */
function askAgain() {
  return new Promise((resolve, reject) => {
    let renewed = false;
    settle = (goOn) => {
      renewed = goOn;
      dialog.close();
    };
    const form = keyForm(() => settle(true));
    const dialog = openDialog('Your session has expired',
      h('p', {}, 'Open this page again from AIsoule, or paste a key to go on here. Nothing you have typed is lost.'),
      form);
    dialog.classList.add('session');
    dialog.addEventListener('close', () => {
      settle = () => {};
      showWho();
      if (renewed) resolve();
      else reject(new Refused(401, 'Your session has expired: nothing was changed.'));
    });
    form.querySelector('input')?.focus();
  });
}
