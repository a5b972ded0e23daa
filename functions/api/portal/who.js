import { call } from './api.js';
import { byId, fill, theirs } from './dom.js';
import { currentAccount, currentKey, useKey } from './key.js';

// Which account the page shows, at its top.

export function showWho() {
  const account = currentAccount();
  byId('sign-out').hidden = !currentKey();
  byId('account').hidden = account === null;
  byId('account').title = account ?? '';
  fill(byId('account'), 'Account ', theirs(account ?? ''));
}

/** Asks the API for the account if it is not known. Without an answer it is asked again at the next view. */
export async function learnWho() {
  const key = currentKey();
  if (key === null || currentAccount() !== null) return;
  try {
    const { account_id: account } = await call('GET', 'session');
    if (currentKey() === key) useKey(key, account);
    showWho();
  } catch { /* what the view shows says why */ }
}
