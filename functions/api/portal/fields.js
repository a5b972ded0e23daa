/** @import { Attributes, CheckField, TextField } from './types' */
import { h, newId } from './dom.js';

// Fields of a form, each with its label, a hint and a place for what is wrong with it.

/**
 * @param {string} label
 * @param {Attributes} attributes
 * @param {string} hint
 * @returns {TextField}
 */
export function textField(label, attributes, hint) {
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
export function checkField(label, checked, hint) {
  const input = h('input', { type: 'checkbox', checked });
  const field = h('div.field', {}, h('label.check', {}, input, h('span', {}, label, h('span.hint', {}, hint))));
  return Object.assign(field, { input });
}
