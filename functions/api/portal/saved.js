/** @import { Child } from './types' */
import { h, theirs } from './dom.js';

// What came of the form, for the view that is shown after it.

/**
 * @typedef {object} Saved
 * @property {string} id of the webhook
 * @property {string} [text] what is said
 * @property {string | null} [warning] the API's own
 * @property {boolean} [test] whether a test event is to be sent
 */

/** @type {Saved | null} */
let kept = null;

/** @param {Saved} saved */
export const keepSaved = (saved) => { kept = saved; };

/**
 * Only once, and not if another webhook is shown.
 *
 * @param {string} id
 */
export function takeSaved(id) {
  const taken = kept?.id === id ? kept : null;
  kept = null;
  return taken;
}

/**
 * @param {Saved | null} saved
 * @param {...Child} more
 */
export function savedBanner(saved, ...more) {
  if (!saved?.text && !saved?.warning) return null;
  return h(`section.banner.${saved.warning ? 'warn' : 'good'}`, { 'aria-label': 'Saved' },
    saved.text && h('p', {}, h('strong', {}, saved.text)),
    saved.warning && h('p', {}, theirs(saved.warning)), ...more);
}
