/** @import { Attributes, Children, ElementOf } from './types' */

// Elements, made without markup: whatever comes from the server is put in as text.

/**
 * h('p.note', {id: 'x', onclick: f}, 'text', element)
 *
 * @template {string} What
 * @param {What} what a tag and classes
 * @param {Attributes} [attributes] null and false leave one out
 * @param {...Children} children null and false are left out
 * @returns {ElementOf<What>}
 */
export function h(what, attributes = {}, ...children) {
  const [tag, ...classes] = what.split('.');
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(' ');
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) element.setAttribute(name, value === true ? '' : String(value));
  }
  fill(element, ...children);
  return /** @type {ElementOf<What>} */ (element);
}

/**
 * Replaces what is in the element.
 *
 * @param {Element} element
 * @param {...Children} children null and false are left out
 */
export function fill(element, ...children) {
  element.replaceChildren();
  for (const child of children.flat()) {
    if (child != null && child !== false) element.append(child instanceof Node ? child : String(child));
  }
}

/**
 * As `fill`. A focus that was inside goes to what has the same `data-action`, or else to the title, or a summary where there is none.
 *
 * @param {Element} element
 * @param {...Children} children
 */
export function refill(element, ...children) {
  const focused = element.querySelector(':focus');
  fill(element, ...children);
  if (!focused) return;
  /** @type {HTMLElement | null} */
  const same = element.querySelector(`[data-action="${focused.getAttribute('data-action')}"]`);
  (same ?? /** @type {HTMLElement | null} */ (element.querySelector('h1, summary')))?.focus({ preventScroll: true });
}

/**
 * A part of the page that is always there.
 *
 * @param {string} id
 */
export const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/**
 * Somebody's own text: isolated, so that right-to-left marks in it turn nothing around it.
 *
 * @param {string} text
 * @param {string} [direction]
 */
export const theirs = (text, direction) => h('bdi', { dir: direction }, text);

/**
 * A URL, an id, a header: read from the left whatever it consists of.
 *
 * @param {string} text
 */
export const code = (text) => h('code', {}, theirs(text, 'ltr'));

let ids = 0;
/** @param {string} prefix */
export const newId = (prefix) => `${prefix}-${++ids}`;

/**
 * Tells those who do not see the page.
 *
 * @param {string} text
 */
export function announce(text) {
  const place = byId('announcer');
  place.textContent = '';
  setTimeout(() => { place.textContent = text; }, 50); // the same text twice would not be read twice
}

/**
 * @param {string} label
 * @param {(event: MouseEvent) => unknown} onclick
 * @param {string} [style] classes, such as `.small`
 * @returns {HTMLButtonElement}
 */
export function button(label, onclick, style = '') {
  return /** @type {HTMLButtonElement} */ (h(`button${style}`, { type: 'button', onclick }, label));
}
