/** @import { Child, Fields } from './types' */
import { button, fill, h, theirs } from './dom.js';
import { isAbort, Refused, statusOf } from './refused.js';
import { show } from './router.js';
import { sentence } from './words.js';

// What the server refused, at the field and in a summary that takes the focus.

/** What was entered is stored, and the call has to be made again. */
export class Unfinished extends Error {
  message = 'Save once more to finish.';
}

/** @type {Record<string, string>} */
const MISSING = {
  name: 'Enter a name.',
  url: 'Enter the URL of your endpoint.',
  events: 'Choose at least one event.',
};
/** @type {Record<string, string>} */
const NAMES = {
  name: 'Name', url: 'URL', events: 'Events', headers: 'Headers', accounts: 'WhatsApp accounts', max_per_second: 'Pace', catch_up: 'Catching up',
};
/** @type {Record<string, string>} */
const FIELDS = { header_changes: 'headers', whatsapp_account_ids: 'accounts' };

/**
 * @param {Fields} fields
 * @param {string} name
 * @returns {Fields[keyof Fields] | undefined}
 */
const fieldOf = (fields, name) => Object.entries(fields).find(([each]) => each === name)?.[1];

/** @param {Fields[keyof Fields]} field */
const inputOf = (field) => ('input' in field ? field.input : field);

/**
 * @param {HTMLElement} field
 * @param {...Child} content
 */
function setError(field, ...content) {
  const line = field.querySelector('.error');
  if (line) fill(line, ...content);
}

/**
 * @param {HTMLElement} summary
 * @param {Fields} fields
 */
export function clearErrors(summary, fields) {
  summary.hidden = true;
  for (const field of Object.values(fields)) {
    setError(field);
    inputOf(field).removeAttribute('aria-invalid');
  }
}

/**
 * @param {unknown} error
 * @param {HTMLElement} summary
 * @param {Fields} fields
 * @param {HTMLDetailsElement} advanced
 * @param {() => void} overwrite
 */
export function showErrors(error, summary, fields, advanced, overwrite) {
  if (isAbort(error)) return;
  const errors = error instanceof Refused ? error.errors : [];
  const found = errors.map(({ field, detail }) => {
    const [given] = String(field).split(/[.[]/);
    const name = FIELDS[given] ?? given;
    return { name, text: emptyText(name, fields) ?? sentence(String(detail)) };
  });
  for (const { name, text } of found) {
    const field = fieldOf(fields, name);
    if (!field) continue;
    setError(field, theirs(text));
    if ('input' in field) field.input.setAttribute('aria-invalid', 'true');
    if (advanced.contains(field)) advanced.open = true;
  }
  fill(summary, statusOf(error) === 412 ? conflict(overwrite) : summaryOf(error, found, fields));
  summary.hidden = false;
  summary.focus();
}

/**
 * @param {string} name
 * @param {Fields} fields
 */
function emptyText(name, fields) {
  const field = fieldOf(fields, name);
  if (!field) return null;
  const empty = 'chosen' in field ? !field.chosen().length : 'input' in field && field.input.value.trim() === '';
  return empty ? MISSING[name] : null;
}

/**
 * @param {unknown} error
 * @param {{name: string, text: string}[]} found
 * @param {Fields} fields
 */
function summaryOf(error, found, fields) {
  if (!found.length) {
    const title = error instanceof Unfinished ? 'It was saved' : 'It was not saved';
    return [h('h2', {}, title), h('p', {}, theirs(error instanceof Error ? error.message : String(error)))];
  }
  const once = [...new Map(found.map((item) => [item.name, item])).values()];
  return [h('h2', {}, 'Check what you entered'), h('ul', {}, once.map(({ name, text }) => {
    const field = fieldOf(fields, name);
    return h('li', {}, field ? button(NAMES[name], () => inputOf(field).focus(), '.link') : theirs(name), ': ', theirs(text));
  }))];
}

/** @param {() => void} overwrite */
function conflict(overwrite) {
  return [
    h('h2', {}, 'Somebody else changed this webhook'),
    h('p', {}, 'It is no longer as it was when you opened it. What you typed is still here.'),
    h('div.buttons', {}, button('Reload and lose my changes', show), button('Save mine over it', overwrite)),
  ];
}
