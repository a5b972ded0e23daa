/** @import { EventType, Fields, Webhook, WebhookValues } from './types' */
import { h } from './dom.js';
import { eventsField } from './events.js';
import { checkField, textField } from './fields.js';
import { headersField } from './headers.js';
import { guard, leaveUnasked } from './leave.js';
import { busy } from './outcome.js';
import { clearErrors, showErrors } from './problems.js';

// A webhook's form, to make and to edit it. What is wrong is said by the server, and shown at the field.

/**
 * @typedef {object} FormOptions
 * @property {AbortSignal} signal
 * @property {EventType[]} types
 * @property {Webhook} [webhook] the one to edit
 * @property {string} label
 * @property {string} busyLabel
 * @property {string} cancel an address
 * @property {(values: WebhookValues, overwrite: boolean) => Promise<void>} save `overwrite`: whatever others have changed
 */

/** @param {FormOptions} options */
export function webhookForm({ signal, types, webhook, label, busyLabel, cancel, save }) {
  const summary = h('div.banner.bad', { role: 'alert', tabindex: '-1', hidden: true });
  const fields = {
    name: textField('Name', { value: webhook?.name, autocomplete: 'off' }, 'Shown in the list of webhooks.'),
    url: textField('URL', {
      value: webhook?.url, inputmode: 'url', autocomplete: 'off', spellcheck: 'false', placeholder: 'https://',
    }, 'https only. It must answer 200 within 5 seconds.'),
    events: eventsField(types, webhook?.events ?? []),
    accounts: textField('WhatsApp accounts', {
      value: webhook?.whatsapp_account_ids.join(', '), required: false, autocomplete: 'off', spellcheck: 'false',
    }, 'Ids, separated by commas: only events that name one of them are sent. Empty: all events.'),
    headers: headersField(webhook?.headers),
    max_per_second: textField('Pace: deliveries per second', {
      value: webhook?.max_per_second, inputmode: 'numeric', autocomplete: 'off', required: false,
    }, 'Maximum deliveries per second, 1 to 1000. Faster events are queued in order of arrival; retries keep their schedule. 10 or 20 suit a small server. Empty: no limit.'),
    catch_up: checkField('When it works again, send what failed in the meantime', Boolean(webhook?.catch_up),
      `After an outage of your server, the oldest first${webhook ? `, up to ${webhook.catch_up_hours} h old` : ''}. Otherwise you resend it yourself.`),
  };
  const advanced = h('details.advanced', {}, h('summary', {}, 'Advanced: WhatsApp accounts, custom headers, pace'),
    fields.accounts, fields.headers, fields.max_per_second);
  advanced.open = [fields.accounts, fields.max_per_second].some(({ input }) => input.value !== '')
    || Object.keys(webhook?.headers ?? {}).length > 0;
  const hint = h('p.hint', { role: 'status' });
  fields.url.input.after(hint);
  const hintAt = () => { hint.textContent = hintFor(fields.url.input.value); };
  hintAt();
  fields.url.input.addEventListener('input', () => {
    hintAt();
    const elsewhere = webhook && originOf(fields.url.input.value) !== originOf(webhook.url);
    if (fields.headers.askAgain(Boolean(elsewhere))) advanced.open = true;
  });
  const submit = h('button.primary', { type: 'submit' }, label);
  const form = h('form.card', { novalidate: true }, summary, fields.name, fields.url, fields.events, fields.catch_up, advanced,
    h('div.buttons', {}, submit, h('a.button', { href: cancel, onclick: leaveUnasked }, 'Cancel')));
  const entered = () => JSON.stringify([...form.querySelectorAll('input')].map(({ checked, value }) => [checked, value]));
  const before = entered();
  guard(signal, () => entered() !== before);

  /** @param {boolean} overwrite */
  const send = (overwrite) => busy(submit, busyLabel, async () => {
    clearErrors(summary, fields);
    try {
      await save(valuesOf(fields), overwrite);
      leaveUnasked();
    } catch (error) {
      showErrors(error, summary, fields, advanced, () => send(true));
    }
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    send(false);
  });
  return form;
}

/**
 * For an address that never answers 200.
 *
 * @param {string} url
 */
const hintFor = (url) => (/^https:\/\/script\.google\.com\//.test(url.trim())
  ? 'Google Apps Script answers every POST with a redirect (302), which counts as failed. Use a server that answers 200.' : '');

/**
 * Scheme, host and port; null for what is no URL, which the server will refuse.
 *
 * @param {string} url
 */
const originOf = (url) => (URL.canParse(url.trim()) ? new URL(url.trim()).origin : null);

/**
 * @param {Fields} fields
 * @returns {WebhookValues}
 */
function valuesOf(fields) {
  const headers = fields.headers.given();
  const pace = fields.max_per_second.input.value.trim();
  return {
    name: fields.name.input.value,
    url: fields.url.input.value.trim(),
    events: fields.events.chosen(),
    whatsapp_account_ids: [...new Set(fields.accounts.input.value.split(/[\s,]+/).filter(Boolean))],
    ...(headers && { header_changes: headers }),
    catch_up: fields.catch_up.input.checked,
    max_per_second: /^[0-9]+$/.test(pace) ? Number(pace) : pace || null,
  };
}
