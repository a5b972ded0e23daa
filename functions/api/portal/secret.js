/** @import { Child, Webhook } from './types' */
import { call, etagOf } from './api.js';
import { openDialog } from './dialog.js';
import { copyButton } from './copy.js';
import { announce, button, code, fill, h } from './dom.js';
import { crumbs, heading, loading } from './frame.js';
import { attempt, outcome } from './outcome.js';
import { pathOf, webhookOf } from './parts.js';
import { Refused, statusOf } from './refused.js';
import { keepSaved, savedBanner, takeSaved } from './saved.js';
import { snippets, SURVIVING } from './snippets.js';
import { timeOf } from './time.js';

// The signing secret: shown once after creation, revealed when asked for, rotated.

/** @type {Map<string, string>} */
const fresh = new Map();

/**
 * For the view that shows it next; it is not written anywhere.
 *
 * @param {string} id
 * @param {string} secret
 */
export const keepSecret = (id, secret) => fresh.set(id, secret);
export const forgetSecrets = () => fresh.clear();

/**
 * @param {HTMLElement} place
 * @param {AbortSignal} signal
 * @param {string} id
 */
export async function secretView(place, signal, id) {
  crumbs([id, `#/${id}`], ['Signing secret']);
  const secret = fresh.get(id);
  const saved = takeSaved(id);
  forgetSecrets();
  const wait = loading('the webhook');
  place.append(heading(secret ? 'Your webhook is ready' : 'Signing secret'), wait);
  let webhook = await webhookOf(id, signal);
  if (signal.aborted) return;
  crumbs([webhook.name, `#/${id}`], ['Signing secret']);
  const test = h('a.button', { href: `#/${id}`, onclick: () => keepSaved({ id, test: true }) }, 'Send a test now');
  const warning = savedBanner(saved);
  wait.replaceWith(
    ...(warning ? [warning] : []),
    secretCard(() => webhook, signal, async () => { webhook = await webhookOf(id, signal); }, secret),
    snippets(),
    h('div.buttons', {},
      h('a.button.primary', { href: `#/${id}` }, secret ? 'Continue to the webhook' : 'Back to the webhook'), secret && test));
}

/**
 * With the secret if it is known, else with a button that asks for it.
 *
 * @param {() => Webhook} current
 * @param {AbortSignal} signal
 * @param {() => Promise<void>} reread a rotation makes another version of the webhook
 * @param {string} [secret]
 */
export function secretCard(current, signal, reread, secret) {
  const { id } = current();
  const line = outcome();
  const place = h('div.secret');
  /** @type {(value: string, ...more: Child[]) => void} */
  const showSecret = (value, ...more) => fill(place,
    h('div.secret-value', {}, h('code', { 'data-secret': '' }, value), copyButton(value, 'the secret')), ...more);
  const reveal = button('Reveal', () => attempt(reveal, 'Revealing…', line, async () => {
    showSecret((await call('GET', pathOf(id, 'secret'), { signal })).secret, button('Hide', hide, '.small'), stillSigns());
    announce('The secret is shown');
  }), '.small');
  const hide = () => {
    masked();
    reveal.focus();
  };
  const stillSigns = () => {
    const until = current().previous_secret_expires_at;
    return until && h('p.hint', {}, 'The secret before this one still signs ', code('webhook-signature'), ' until ', timeOf(until), '.');
  };
  const masked = () => fill(place,
    h('div.hidden-secret', {}, h('span.masked', { 'aria-hidden': 'true' }, '••••••••••••'), reveal), stillSigns());
  if (secret) showSecret(secret, h('p', {}, 'Copy it to your server now. It is not shown again unless you reveal it.'));
  else masked();
  return h('section.card', { 'aria-label': 'Signing secret' },
    h('h2', {}, 'Signing secret'),
    h('p.hint', {}, 'Proves to your server that a request is from us.'),
    place, line,
    !secret && h('div.buttons', {}, button('Rotate…', () => rotateDialog(current, signal, reread, (value, until) => {
      showSecret(value, h('p', {}, until
        ? ['This is the new secret. The old one still signs ', code('webhook-signature'), ' until ', timeOf(until), '.']
        : ['This is the new secret. The old one no longer signs anything.']));
      reread().catch(() => {}); // the secret is shown in any case
    }), '.small'), !/\/secret\b/.test(location.hash) && h('a', { href: `#/${id}/secret` }, 'How to verify')));
}

/** @type {[number, string][]} */
const OVERLAPS = [[0, 'Revoke it now'], [3600, 'For 1 hour'], [86400, 'For 24 hours'], [604800, 'For 7 days']];

/**
 * @param {() => Webhook} current
 * @param {AbortSignal} signal
 * @param {() => Promise<void>} reread
 * @param {(secret: string, previousExpiresAt: string | null) => void} rotated
 */
function rotateDialog(current, signal, reread, rotated) {
  /** As at the first press: a rotation whose answer was lost is not made again. @type {Webhook | undefined} */
  let webhook;
  const line = outcome();
  const choices = OVERLAPS.map(([seconds, label]) => h('label.check', {},
    h('input', { type: 'radio', name: 'overlap', value: seconds, checked: seconds === 86400 }), h('span', {}, label)));
  const rotate = button('Rotate the secret', () => attempt(rotate, 'Rotating…', line, async () => {
    const chosen = /** @type {HTMLInputElement} */ (dialog.querySelector('input:checked'));
    const body = { overlap_seconds: Number(chosen.value) };
    webhook ??= current();
    const answer = await call('POST', pathOf(webhook.id, 'secret', 'rotate'), { body, etag: etagOf(webhook) }).catch(async (error) => {
      if (statusOf(error) !== 412) throw error;
      cancel.focus();
      rotate.remove();
      await reread().catch(() => {});
      throw new Refused(412, 'The webhook was changed, perhaps by this rotation. Close this, reveal the secret and compare it with your server’s.');
    });
    announce('The secret was rotated');
    signal.throwIfAborted();
    dialog.close();
    rotated(answer.secret, answer.previous_expires_at);
  }), '.primary');
  const cancel = button('Cancel', () => dialog.close());
  const safe = h('a', { href: `#/${current().id}/secret?${SURVIVING}`, onclick: () => dialog.close() }, 'Code that keeps working');
  const dialog = openDialog('Rotate the secret',
    h('p', {}, 'A new secret signs from the next request on.'),
    h('fieldset.field', {}, h('legend', {}, 'How long should the old secret keep working?'), choices),
    h('div.banner.warn', {},
      h('p', {}, h('strong', {}, 'Does your server check ', code('X-Webhook-Signature'), '?'),
        ' It has room for one signature and changes at once: your server will refuse our requests until it has the new secret.'),
      h('p', {}, 'Only ', code('webhook-signature'), ' is signed with both. ', safe)),
    line, h('div.buttons', {}, rotate, cancel));
}
