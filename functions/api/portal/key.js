// The key that the calls are made with, and the account that it opens. Both are kept in this tab, and in those that are opened
// while it is there.

const STORED_KEY = 'aisoule.webhooks.token';
const STORED_ACCOUNT = 'aisoule.webhooks.account';

let key = stored(STORED_KEY);
let account = stored(STORED_ACCOUNT);

/** The key in use. Null: nobody is signed in. */
export const currentKey = () => key;

/** The account's id. Null until it is known. */
export const currentAccount = () => account;

/**
 * @param {string | null} newKey null signs out
 * @param {string | null} itsAccount null if it is not known yet
 */
export function useKey(newKey, itsAccount) {
  key = newKey;
  account = itsAccount;
  store(STORED_KEY, key);
  store(STORED_ACCOUNT, account);
}

/** @param {string} name */
function stored(name) {
  try {
    return sessionStorage.getItem(name);
  } catch {
    return null; // storage is blocked: the key lives as long as the page
  }
}

/**
 * @param {string} name
 * @param {string | null} value
 */
function store(name, value) {
  try {
    if (value === null) sessionStorage.removeItem(name);
    else sessionStorage.setItem(name, value);
  } catch { /* see above */ }
}
