import { newId } from './dom.js';
import { currentAccount, currentKey } from './key.js';

// One sign-in for all open tabs of this page. A tab that is opened asks the others; the key is stored nowhere else.

const ANSWER_WITHIN = 3000; // ms; a tab in the background may be slow, or frozen by the browser
const OPEN = 'aisoule.webhooks.open'; // a lock that each open tab shares

/**
 * @typedef {object} SignIn
 * @property {string} key
 * @property {string | null} account
 */

const counted = new Promise((resolve, reject) => {
  navigator.locks.request(OPEN, { mode: 'shared' }, () => new Promise(() => { resolve(null); })).catch(reject);
});
counted.catch(() => {}); // where the browser has no locks for the page: over plain http, or with its storage blocked

const channel = new BroadcastChannel('aisoule.webhooks');

/** @type {Map<string, (signIn: SignIn | null) => void>} */
const answers = new Map();
/** @type {() => void} */
let signedOut = () => {};

channel.onmessage = ({ data: { ask, answer, signIn, end } }) => {
  const key = currentKey();
  if (ask) channel.postMessage({ answer: ask, signIn: key === null ? null : { key, account: currentAccount() } });
  if (answer) answers.get(answer)?.(signIn);
  if (end && end === key) signedOut();
};

/**
 * Null if no other tab is signed in, or if they are not signed in to the same account: then the reader has to say.
 *
 * @returns {Promise<SignIn | null>}
 */
export async function signInOfOtherTabs() {
  const signIns = (await answersOfOthers()).filter((signIn) => signIn !== null);
  const accounts = new Set(signIns.map(({ key, account }) => account ?? key));
  return accounts.size === 1 ? signIns[0] : null;
}

async function answersOfOthers() {
  const ask = newId(String(Math.random()));
  /** @type {(SignIn | null)[]} */
  const found = [];
  if (await countOthers() > 0) {
    await new Promise((resolve) => {
      answers.set(ask, async (signIn) => {
        found.push(signIn);
        if (found.length >= await countOthers()) resolve(null); // again, as one that was opened meanwhile answers, too
      });
      setTimeout(resolve, ANSWER_WITHIN);
      channel.postMessage({ ask });
    });
    answers.delete(ask);
  }
  return found;
}

async function countOthers() {
  try {
    await counted;
    const { held = [], pending = [] } = await navigator.locks.query();
    return [...held, ...pending].filter(({ name }) => name === OPEN).length - 1;
  } catch {
    return 0;
  }
}

/** @param {string | null} key that was in use, here and maybe in other tabs */
export const tellSignedOut = (key) => channel.postMessage({ end: key });

/** @param {() => void} then called when another tab ends the sign-in that is used here */
export function whenSignedOut(then) {
  signedOut = then;
}
