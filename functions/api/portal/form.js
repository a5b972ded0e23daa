'use strict';

// New and edit: one form. What is wrong is said by the server, and shown at the field.

async function newView(place, signal) {
  crumbs(['New Webhook']);
  place.append(heading('New Webhook'), loading('the events'));
  const types = await eventTypes(signal);
  if (signal.aborted) return;
  place.lastChild.replaceWith(webhookForm({
    types,
    label: 'Create Webhook',
    busyLabel: 'Creating…',
    cancel: '#/',
    save: async (values) => {
      const created = await call('POST', 'webhooks', { body: values });
      keepSecret(created.id, created.secret);
      announce('Webhook created');
      renameTo('#/');
      go(`#/${created.id}/secret`);
    },
  }));
}

async function editView(place, signal, id) {
  crumbs([id, `#/${id}`], ['Edit']);
  place.append(heading('Edit webhook'), loading('the webhook'));
  const [types, webhook] = await Promise.all([eventTypes(signal), webhookOf(id, signal)]);
  if (signal.aborted) return;
  crumbs([webhook.name, `#/${id}`], ['Edit']);
  place.lastChild.replaceWith(webhookForm({
    types,
    webhook,
    label: 'Save changes',
    busyLabel: 'Saving…',
    cancel: `#/${id}`,
    save: async (values, { overwrite } = {}) => {
      const base = overwrite ? await webhookOf(id) : webhook;
      await change('PATCH', base, values);
      announce('Changes saved');
      renameTo(`#/${id}`);
      show();
    },
  }));
}

function webhookForm({ types, webhook, label, busyLabel, cancel, save }) {
  const subscribed = webhook?.events ?? [];
  const summary = h('div.banner.bad', { role: 'alert', tabindex: '-1', hidden: true });
  const fields = {
    name: textField('Name', { value: webhook?.name, maxlength: 100, autocomplete: 'off' }, 'So that you recognise it.'),
    url: textField('URL', {
      value: webhook?.url, inputmode: 'url', autocomplete: 'off', spellcheck: 'false', placeholder: 'https://',
    }, 'https only. It must answer 200 within 5 seconds.'),
    events: eventsField(types, subscribed),
    headers: headersField(webhook?.headers),
  };
  const advanced = h('details.advanced', {}, h('summary', {}, 'Advanced: custom headers'), fields.headers);
  advanced.open = Object.keys(webhook?.headers ?? {}).length > 0;
  const submit = h('button.primary', { type: 'submit' }, label);
  const form = h('form.card', { novalidate: true }, summary, fields.name, fields.url, fields.events, advanced,
    h('div.buttons', {}, submit, h('a.button', { href: cancel }, 'Cancel')));

  const send = (options) => busy(submit, busyLabel, async () => {
    clearErrors(summary, fields);
    try {
      await save(valuesOf(fields), options);
    } catch (error) {
      showErrors(error, summary, fields, advanced, () => send({ overwrite: true }));
    }
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    send();
  });
  return form;
}

function valuesOf(fields) {
  const headers = fields.headers.given();
  return {
    name: fields.name.input.value,
    url: fields.url.input.value.trim(),
    events: fields.events.chosen(),
    ...(headers && { headers }),
  };
}

function textField(label, attributes, hint) {
  const id = newId('field');
  const error = h('p.error', { id: `${id}-error` });
  const input = h('input', { id, type: 'text', required: true, 'aria-describedby': `${id}-hint ${error.id}`, ...attributes });
  const field = h('div.field', {}, h('label', { for: id }, label), h('p.hint', { id: `${id}-hint` }, hint), input, error);
  field.input = input;
  return field;
}
