import { read } from './api.js';
import { h, newId } from './dom.js';
import { currentAccount, useKey } from './key.js';
import { send } from './network.js';
import { attempt, outcome } from './outcome.js';
import { Refused } from './refused.js';

// Signing in with a key.

/** @param {string} text */
export const isKey = (text) => /^[\x21-\x7e]+$/.test(text);

/**
 * The account that the key opens. Throws Refused if it opens none.
 *
 * @param {string} key
 * @returns {Promise<string>}
 */
export async function accountOf(key) {
  if (!isKey(key)) throw new Refused(0, 'This is not a key: it has spaces or invalid characters.');
  const answer = await send('GET', 'session', key);
  if (answer.status === 401) throw new Refused(401, 'This key is unknown, revoked or expired.');
  const { role, account_id: account } = await read(answer);
  if (role !== 'account') throw new Refused(403, "This is not an account's key: it cannot manage webhooks.");
  return account;
}

/**
 * A form for a key, which is tried before it is taken.
 *
 * @param {() => void} taken
 */
export function keyForm(taken) {
  const id = newId('key');
  const line = outcome();
  line.id = newId('why');
  const input = h('input', {
    id, type: 'password', autocomplete: 'off', spellcheck: 'false', required: true, 'aria-describedby': line.id,
  });
  const submit = h('button.primary', { type: 'submit' }, 'Continue');
  const form = h('form', { novalidate: true },
    h('div.field', {}, h('label', { for: id }, 'API key'), input, line),
    h('div.buttons', {}, submit));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    attempt(submit, 'Checking…', line, async () => {
      input.removeAttribute('aria-invalid');
      try {
        await take(input.value.trim());
      } catch (error) {
        input.setAttribute('aria-invalid', 'true');
        input.focus();
        throw error;
      }
      input.value = '';
      taken();
    });
  });
  return form;
}

/**
 * A key of another account is refused: what the reader was doing would be done there.
 *
 * @param {string} key
 */
async function take(key) {
  if (!key) throw new Refused(0, 'Paste a key first.');
  const account = await accountOf(key);
  const before = currentAccount();
  if (before !== null && before !== account) {
    throw new Refused(403, `This key is for account ${account}, and you were signed in as account ${before}. `
      + 'To switch, close this and sign out first.');
  }
  useKey(key, account);
}
