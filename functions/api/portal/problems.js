'use strict';

// What the server refused, at the field and in a summary that takes the focus.

const MISSING = {
  name: 'Enter a name.',
  url: 'Enter the URL of your endpoint.',
  events: 'Choose at least one event.',
};
const NAMES = { name: 'Name', url: 'URL', events: 'Events', headers: 'Headers' };

const inputOf = (field) => field.input ?? field;

function clearErrors(summary, fields) {
  summary.hidden = true;
  for (const field of Object.values(fields)) {
    field.querySelector('.error').textContent = '';
    inputOf(field).removeAttribute('aria-invalid');
  }
}

function showErrors(error, summary, fields, advanced, overwrite) {
  if (error.name === 'AbortError') return;
  const found = error.errors?.map(({ field, detail }) => {
    const name = String(field).split('.')[0];
    return { name, text: emptyText(name, fields) ?? sentence(String(detail)) };
  }) ?? [];
  for (const { name, text } of found) {
    if (!fields[name]) continue;
    fields[name].querySelector('.error').replaceChildren(theirs(text));
    if (fields[name].input) inputOf(fields[name]).setAttribute('aria-invalid', 'true');
    if (name === 'headers') advanced.open = true;
  }
  summary.replaceChildren(...(error.status === 412 ? conflict(overwrite) : summaryOf(error, found, fields)));
  summary.hidden = false;
  summary.focus();
}

function emptyText(name, fields) {
  const empty = name === 'events' ? !fields.events.chosen().length : fields[name]?.input?.value.trim() === '';
  return empty ? MISSING[name] : null;
}

function summaryOf(error, found, fields) {
  if (!found.length) return [h('h2', {}, 'It was not saved'), h('p', {}, theirs(error.message))];
  const once = [...new Map(found.map((item) => [item.name, item])).values()];
  return [h('h2', {}, 'Check what you entered'), h('ul', {}, ...once.map(({ name, text }) => h('li', {},
    fields[name] ? button(NAMES[name], () => inputOf(fields[name]).focus(), '.link') : theirs(name), ': ', theirs(text))))];
}

function conflict(overwrite) {
  return [
    h('h2', {}, 'Somebody else changed this webhook'),
    h('p', {}, 'It is no longer as it was when you opened it. What you typed is still here.'),
    h('div.buttons', {}, button('Reload and lose my changes', show), button('Save mine over it', overwrite)),
  ];
}
