/** @import { Child } from './types' */
import { byId, fill, h, theirs } from './dom.js';

// What surrounds a view: its title, the way back, and what is shown until it is there.

/**
 * The view's title, which becomes the page's as well.
 *
 * @param {string} text
 * @param {...Child} more
 */
export function heading(text, ...more) {
  document.title = `\u2068${text}\u2069 · Webhooks · AIsoule`;
  return h('h1', { tabindex: '-1' }, theirs(text), ...more);
}

/**
 * The way back: each step is a text and, but for the last, an address.
 *
 * @param {...[string, string?]} steps
 */
export function crumbs(...steps) {
  /** @type {[string, string?][]} */
  const all = [['Settings'], ['Webhooks', '#/'], ...steps];
  fill(byId('crumbs'), all.map(([text, to], i) => {
    const last = i === all.length - 1;
    return h('li', {}, to && !last
      ? h('a', { href: to }, theirs(text)) : h('span', { 'aria-current': last && 'page' }, theirs(text)));
  }));
}

/** @param {string} what */
export function loading(what) {
  return h('div.card.skeleton', {}, h('p.loading', {}, `Loading ${what}…`),
    [1, 2, 3].map(() => h('span.bone', { 'aria-hidden': 'true' })));
}
