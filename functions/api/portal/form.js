/** @import { Attributes, CheckField, EventType, Fields, TextField, Webhook, WebhookValues } from './types' */
import { call } from './api.js';
import { announce, h, newId } from './dom.js';
import { eventsField } from './events.js';
import { crumbs, heading, loading } from './frame.js';
import { headersField } from './headers.js';
import { guard, leaveUnasked } from './leave.js';
import { busy } from './outcome.js';
import { change, eventTypes, webhookOf } from './parts.js';
import { clearErrors, showErrors } from './problems.js';
import { go, renameTo, show } from './router.js';
import { keepSaved } from './saved.js';
import { keepSecret } from './secret.js';
import { sentence } from './words.js';

// New and edit: one form. What is wrong is said by the server, and shown at the field.

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

/**
 * @param {HTMLElement} place
 * @param {AbortSignal} signal
 */
export async function newView(place, signal) {
  crumbs(['New Webhook']);
  const wait = loading('the events');
  place.append(heading('New Webhook'), wait);
  const types = await eventTypes(signal);
  if (signal.aborted) return;
  wait.replaceWith(webhookForm({
    signal,
    types,
    label: 'Create Webhook',
    busyLabel: 'Creating…',
    cancel: '#/',
    save: async (values) => {
      const { header_changes: headers, ...rest } = values;
      const created = await call('POST', 'webhooks', { body: { ...rest, headers: headers ?? {} } });
      keepSecret(created.id, created.secret);
      keepSaved({ id: created.id, warning: warningOf(created) });
      announce('Webhook created');
      renameTo('#/');
      go(`#/${created.id}/secret`);
    },
  }));
}

/**
 * @param {HTMLElement} place
 * @param {AbortSignal} signal
 * @param {string} id
 */
export async function editView(place, signal, id) {
  crumbs([id, `#/${id}`], ['Edit']);
  const wait = loading('the webhook');
  place.append(heading('Edit webhook'), wait);
  const [types, webhook] = await Promise.all([eventTypes(signal), webhookOf(id, signal)]);
  if (signal.aborted) return;
  crumbs([webhook.name, `#/${id}`], ['Edit']);
  wait.replaceWith(webhookForm({
    signal,
    types,
    webhook,
    label: 'Save changes',
    busyLabel: 'Saving…',
    cancel: `#/${id}`,
    save: async (values, overwrite) => {
      const base = overwrite ? await webhookOf(id) : webhook;
      const saved = await change('PATCH', base, values);
      keepSaved({ id, text: 'Changes saved.', warning: warningOf(saved) });
      announce('Changes saved');
      renameTo(`#/${id}`);
      show();
    },
  }));
}

/** @param {FormOptions} options */
function webhookForm({ signal, types, webhook, label, busyLabel, cancel, save }) {
  const summary = h('div.banner.bad', { role: 'alert', tabindex: '-1', hidden: true });
  const fields = {
    name: textField('Name', { value: webhook?.name, maxlength: 100, autocomplete: 'off' }, 'So that you recognise it.'),
    url: textField('URL', {
      value: webhook?.url, inputmode: 'url', autocomplete: 'off', spellcheck: 'false', placeholder: 'https://',
    }, 'https only. It must answer 200 within 5 seconds.'),
    events: eventsField(types, webhook?.events ?? []),
    accounts: textField('WhatsApp accounts', {
      value: webhook?.whatsapp_account_ids.join(', '), required: false, autocomplete: 'off', spellcheck: 'false',
    }, 'Ids, separated by commas: only events that name one of them are sent. Empty: all events.'),
    headers: headersField(webhook?.headers),
    max_per_second: textField('Pace: deliveries a second', {
      value: webhook?.max_per_second, inputmode: 'numeric', autocomplete: 'off', maxlength: 4, required: false,
    }, 'At most so many, 1 to 1000; what comes faster waits its turn. 10 or 20 suit a small server. Empty: no limit.'),
    catch_up: checkField('When it works again, send what failed in the meantime', Boolean(webhook?.catch_up),
      'After an outage of your server, the oldest first, for the last 24 hours. Otherwise you resend it yourself.'),
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

/** @param {{url_warning: string | null}} answer */
const warningOf = ({ url_warning: warning }) => warning && sentence(warning);

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

/**
 * @param {string} label
 * @param {Attributes} attributes
 * @param {string} hint
 * @returns {TextField}
 */
function textField(label, attributes, hint) {
  const id = newId('field');
  const error = h('p.error', { id: `${id}-error` });
  const input = h('input', { id, type: 'text', required: true, 'aria-describedby': `${id}-hint ${error.id}`, ...attributes });
  const field = h('div.field', {}, h('label', { for: id }, label), h('p.hint', { id: `${id}-hint` }, hint), input, error);
  return Object.assign(field, { input });
}

/**
 * @param {string} label
 * @param {boolean} checked
 * @param {string} hint
 * @returns {CheckField}
 */
function checkField(label, checked, hint) {
  const input = h('input', { type: 'checkbox', checked });
  const field = h('div.field', {}, h('label.check', {}, input, h('span', {}, label, h('span.hint', {}, hint))));
  return Object.assign(field, { input });
}
