'use strict';

// A webhook's own headers. Their values come back masked, so they are sent only when the reader replaces them.

const MOST_HEADERS = 10;

/** A fieldset; `given()` is undefined when the headers stay as they are. */
function headersField(existing = {}) {
  const names = Object.keys(existing);
  const rows = h('ul.header-rows', {});
  const error = h('p.error', { id: newId('error') });
  let replaced = !names.length;

  const add = button('Add a header', () => addRow('').querySelector('input').focus(), '.small');
  const edit = h('div', { hidden: !replaced }, rows, add);
  const kept = h('div', { hidden: replaced },
    h('ul.kept', {}, ...names.map((name) => h('li', {}, code(name), ' ', h('span.hint', {}, existing[name])))),
    button('Replace headers', replace, '.small'));

  function replace() {
    replaced = true;
    kept.hidden = true;
    edit.hidden = false;
    names.forEach(addRow);
    (rows.querySelector('[data-part=value]') ?? add).focus();
  }

  function addRow(name) {
    const row = headerRow(name, () => {
      row.remove();
      add.hidden = false;
      add.focus();
    });
    rows.append(row);
    add.hidden = rows.children.length >= MOST_HEADERS;
    return row;
  }

  const field = h('fieldset.field', { 'aria-describedby': error.id, tabindex: '-1' },
    h('legend', {}, 'Headers'),
    h('p.hint', {}, `Sent with every POST, such as a key for your own gateway; at most ${MOST_HEADERS}. `
      + 'The values are secrets: they are not shown again.'),
    kept, edit, error);
  field.given = () => (replaced && (names.length || rows.children.length) ? headersOf(rows) : undefined);
  return field;
}

function headerRow(name, remove) {
  const input = (part, label, value, type) => h('label', {}, h('span', {}, label), h('input', {
    type, value, 'data-part': part, autocomplete: 'off', spellcheck: 'false', autocapitalize: 'off',
  }));
  return h('li.header-row', {},
    input('name', 'Header name', name, 'text'),
    input('value', 'Value', '', 'password'),
    h('button.small', { type: 'button', onclick: remove }, 'Remove', h('span.unseen', {}, ' this header')));
}

/** Raises Refused for what an object cannot say: a name given twice. */
function headersOf(rows) {
  const pairs = [...rows.children]
    .map((row) => ['name', 'value'].map((part) => row.querySelector(`[data-part=${part}]`).value.trim()))
    .filter(([name, value]) => name || value);
  const lower = pairs.map(([name]) => name.toLowerCase());
  if (new Set(lower).size < lower.length) {
    const detail = 'names a header twice';
    throw new Refused(422, detail, { errors: [{ field: 'headers', detail }] });
  }
  return Object.fromEntries(pairs);
}
