import { call } from './api.js';
import { announce } from './dom.js';
import { webhookForm } from './form.js';
import { crumbs, heading, loading } from './frame.js';
import { change, eventTypes, webhookOf } from './parts.js';
import { Unfinished } from './problems.js';
import { isStored } from './refused.js';
import { go, renameTo, show } from './router.js';
import { keepSaved } from './saved.js';
import { keepSecret } from './secret.js';
import { sentence } from './words.js';

// The views in which a webhook is made and edited.

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
      announce('Webhook created');
      signal.throwIfAborted(); // the reader is elsewhere, and stays there
      keepSecret(created.id, created.secret);
      keepSaved({ id: created.id, warning: warningOf(created) });
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
  let base = webhook;
  wait.replaceWith(webhookForm({
    signal,
    types,
    webhook,
    label: 'Save changes',
    busyLabel: 'Saving…',
    cancel: `#/${id}`,
    save: async (values, overwrite) => {
      if (overwrite) base = await webhookOf(id);
      const saved = await change('PATCH', base, values).catch(async (error) => {
        if (!isStored(error)) throw error;
        base = await webhookOf(id).catch(() => base);
        throw new Unfinished();
      });
      announce('Changes saved');
      signal.throwIfAborted();
      keepSaved({ id, text: 'Changes saved.', warning: warningOf(saved) });
      renameTo(`#/${id}`);
      show();
    },
  }));
}

/** @param {{url_warning: string | null}} answer */
const warningOf = ({ url_warning: warning }) => warning && sentence(warning);
