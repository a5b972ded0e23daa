import { h } from './dom.js';
import { heading } from './frame.js';
import { currentKey, useKey } from './key.js';
import { send } from './network.js';
import { outcome } from './outcome.js';
import { Refused } from './refused.js';
import { renameTo, show } from './router.js';
import { forgetSecrets } from './secret.js';
import { keyForm } from './signin.js';
import { tellSignedOut } from './tabs.js';
import { showWho } from './who.js';

// Signing in, where nobody is, and signing out.

let explanation = '';

/**
 * Says on the next sign-in form why it is shown.
 *
 * @param {string} text
 */
export function explain(text) {
  explanation = text;
}

/** @param {HTMLElement} place */
export function signInView(place) {
  const line = outcome();
  if (explanation) line.fail(new Error(explanation));
  explanation = '';
  place.append(h('div.card.narrow', {},
    heading('Webhooks'), line,
    h('p', {}, 'Open this page from AIsoule, under Settings, or paste an API key of your account.'),
    keyForm(() => { showWho(); show(); }),
    h('p.hint', {}, 'The key is kept in the open tabs of this page only, until you close them or sign out.')));
}

/** Here at once, then on the server, where a session ends and a key that does not expire stays as it is. */
export async function signOut() {
  const key = currentKey();
  useKey(null, null);
  tellSignedOut(key);
  forgetSecrets();
  showWho();
  renameTo('#/');
  show();
  try {
    await endSession(String(key));
  } catch {
    if (currentKey() !== null) return;
    explain('You are signed out here, but the server did not confirm it: your session there lasts until it expires.');
    show();
  }
}

/** What another tab did. */
export function signedOutElsewhere() {
  useKey(null, null);
  forgetSecrets();
  explain('You signed out in another tab.');
  showWho();
  renameTo('#/');
  show();
}

/** @param {string} key */
async function endSession(key) {
  const answer = await send('DELETE', 'session', key);
  if (![204, 401, 409].includes(answer.status)) throw new Refused(answer.status, 'The session was not ended.');
}
