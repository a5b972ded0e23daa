/** @import { HeadersField } from './types' */
import { announce, button, h, newId } from './dom.js';
import { Refused } from './refused.js';

// A webhook's own headers. Their values come back masked: what is left empty stays as it is.

const MAX_HEADERS = 10;

/**
 * A fieldset; `given()` has what was changed. `askAgain(true)` asks for all values: what is masked must not be sent to
 * another server than the one it was entered for.
 *
 * @param {Record<string, string>} [existing] their values are masks
 * @returns {HeadersField}
 */
export function headersField(existing = {}) {
  const names = Object.keys(existing);
  const rows = h('ul.header-rows');
  const error = h('p.error', { id: newId('error') });
  const warning = h('p.banner.warn', { hidden: true },
    'The URL now leads to another server. Headers are secrets of the server that they were entered for: enter their values '
    + 'again, or remove them.');
  const add = button('Add a header', () => addRow('').querySelector('input')?.focus(), '.small');

  /** @param {boolean} needed */
  function askAgain(needed) {
    if (!names.length || warning.hidden === !needed) return false;
    warning.hidden = !needed;
    error.replaceChildren();
    if (needed) announce(String(warning.textContent));
    for (const row of rowsOf(rows)) if (row.masked) row.value.placeholder = needed ? '' : existing[row.masked];
    return needed;
  }

  /** @param {string} name */
  function addRow(name) {
    const row = headerRow(name, existing[name], () => {
      row.remove();
      add.hidden = false;
      add.focus();
    });
    rows.append(row);
    add.hidden = rows.children.length >= MAX_HEADERS;
    return row;
  }

  names.forEach(addRow);
  const field = h('fieldset.field', { 'aria-describedby': error.id, tabindex: '-1' },
    h('legend', {}, 'Headers'),
    h('p.hint', {}, `Sent with every POST, such as a key for your own gateway; at most ${MAX_HEADERS}. `
      + `The values are secrets: they are not shown again.${names.length ? ' Leave a value empty to keep it.' : ''}`),
    warning, rows, add, error);
  return Object.assign(field, { given: () => changesOf(rowsOf(rows), names, !warning.hidden), askAgain });
}

/**
 * @param {string} name
 * @param {string | undefined} mask of a value that is there
 * @param {() => void} remove
 */
function headerRow(name, mask, remove) {
  /** @type {(part: string, label: string, value: string, more: Record<string, string | boolean>) => HTMLElement} */
  const input = (part, label, value, more) => h('label', {}, h('span', {}, label), h('input', {
    value, 'data-part': part, autocomplete: 'off', spellcheck: 'false', autocapitalize: 'off', ...more,
  }));
  return h('li.header-row', { 'data-masked': mask && name },
    input('name', 'Header name', name, { type: 'text', readonly: Boolean(mask) }),
    input('value', 'Value', '', { type: 'password', placeholder: mask ?? '' }),
    h('button.small', { type: 'button', onclick: remove }, 'Remove', h('span.unseen', {}, ' this header')));
}

/**
 * @typedef {object} Row
 * @property {string | undefined} masked the name of a header whose value is there
 * @property {HTMLInputElement} name
 * @property {HTMLInputElement} value
 */

/**
 * @param {HTMLElement} list
 * @returns {Row[]}
 */
const rowsOf = (list) => [...list.children].map((row) => {
  const [name, value] = row.querySelectorAll('input');
  return { masked: /** @type {HTMLElement} */ (row).dataset.masked, name, value };
});

/**
 * As the API: some receivers do not tell X_Key from x-key.
 *
 * @param {string} name
 */
const identityOf = (name) => name.replaceAll('_', '-').toLowerCase();

/**
 * Undefined when nothing was changed. Throws Refused for what an object cannot say, a name given twice, and for a value that
 * is needed again.
 *
 * @param {Row[]} rows
 * @param {string[]} names of the headers that there are
 * @param {boolean} again whether all values are needed
 */
function changesOf(rows, names, again) {
  const entered = rows.map(({ masked, name, value }) => ({ masked, name: name.value.trim(), value: value.value.trim() }));
  const missing = again && entered.find(({ masked, value }) => masked && !value);
  if (missing) throw refused(`enter the value of ${missing.name} again, or remove the header`);
  const filled = entered.filter(({ name, value }) => name || value);
  const given = filled.map(({ name }) => identityOf(name));
  if (new Set(given).size < given.length) throw refused('the same header name is entered twice');
  const removed = names.filter((name) => !given.includes(identityOf(name)));
  const changed = filled.filter(({ masked, value }) => !masked || value);
  if (!removed.length && !changed.length) return undefined;
  return Object.fromEntries([...removed.map((name) => [name, null]), ...changed.map(({ name, value }) => [name, value])]);
}

/** @param {string} detail */
const refused = (detail) => new Refused(422, detail, { errors: [{ field: 'headers', detail }] });
