import { openDialog } from './dialog.js';
import { button, h, theirs } from './dom.js';
import { settleWaiting } from './expired.js';
import { currentAccount, currentKey, useKey } from './key.js';
import { hasUnsaved, mayLeave } from './leave.js';
import { statusOf } from './refused.js';
import { go, renameTo, show } from './router.js';
import { forgetSecrets } from './secret.js';
import { explain } from './session.js';
import { accountOf, isKey } from './signin.js';
import { signInOfOtherTabs } from './tabs.js';
import { learnWho, showWho } from './who.js';

// The address, and the key that it may hold: AIsoule's own link signs in, and so does anybody else's. Who is signed in
// already is asked before the account changes.

/**
 * @param {string} [before] the address of the view that is shown; undefined when the page is opened
 */
export async function openAddress(before) {
  const link = takeLink(before ?? '#/');
  if (currentKey() === null) await takeSignInOfOtherTabs();
  if (link) {
    const done = await signInWith(link.key);
    if (done !== 'declined' && link.view) (done === 'same' && before !== undefined ? go : renameTo)(link.view);
    showWho();
    if (done !== 'anew' && before !== undefined) return;
  } else if (before !== undefined && hasUnsaved()) {
    const wanted = location.hash;
    renameTo(before);
    if (await mayLeave()) go(wanted);
    return;
  }
  showWho();
  show();
  learnWho();
}

async function takeSignInOfOtherTabs() {
  const found = await signInOfOtherTabs();
  if (found) useKey(found.key, found.account);
}

/**
 * Takes `#token=…`, which `&view=…` may follow, out of the address bar and the history before anybody else sees it. The key
 * is '' if it cannot be read.
 *
 * @param {string} instead
 */
function takeLink(instead) {
  const given = /^#token=([^&]*)(?:&view=([\w/-]+))?/.exec(location.hash);
  if (!given) return null;
  renameTo(instead);
  const view = given[2] ? `#/${given[2]}` : '';
  try {
    return { key: decodeURIComponent(given[1]), view };
  } catch {
    return { key: '', view };
  }
}

/**
 * Whether all is to be shown anew, or the account is the same as before, or nothing was done.
 *
 * @param {string} key
 * @returns {Promise<'anew' | 'same' | 'declined'>}
 */
async function signInWith(key) {
  if (currentKey() === null) {
    if (isKey(key)) useKey(key, null);
    else explain('This link is damaged: the key in it cannot be read.');
    return 'anew';
  }
  try {
    const other = await accountOf(key);
    const account = await accountBefore();
    const same = account === other;
    if (account !== null && !same && !(await maySwitch(account, other))) return 'declined';
    useKey(key, other);
    settleWaiting(same);
    if (same) return 'same'; // nothing typed is lost, and the calls that waited for a key go on
    forgetSecrets();
    renameTo('#/');
    return 'anew';
  } catch (error) {
    refuse(error);
    return 'declined';
  }
}

/** Null if the key in use has ended before the account was known. */
async function accountBefore() {
  const account = currentAccount();
  if (account !== null) return account;
  try {
    return await accountOf(String(currentKey()));
  } catch (error) {
    if (statusOf(error) === 401) return null;
    throw error;
  }
}

/**
 * @param {string} account
 * @param {string} other
 * @returns {Promise<boolean>}
 */
function maySwitch(account, other) {
  return new Promise((resolve) => {
    let agreed = false;
    const stay = button(`Stay signed in as ${account}`, () => dialog.close());
    const dialog = openDialog('Switch to another account?',
      h('p', {}, 'You are signed in as account ', h('strong', {}, theirs(account)),
        '. The link that was opened signs in as account ', h('strong', {}, theirs(other)), '.'),
      h('p', {}, 'If you did not expect this, stay: what you enter would belong to the other account.'),
      h('div.buttons', {}, stay, button(`Switch to ${other}`, () => {
        agreed = true;
        dialog.close();
      })));
    dialog.classList.add('session');
    dialog.addEventListener('close', () => resolve(agreed));
    stay.focus();
  });
}

/** @param {unknown} error */
function refuse(error) {
  const close = button('Close', () => dialog.close());
  const dialog = openDialog('This link does not work',
    h('p', {}, theirs(error instanceof Error ? error.message : String(error))),
    h('p', {}, 'You are still signed in as before.'),
    h('div.buttons', {}, close));
  dialog.classList.add('session');
  close.focus();
}
