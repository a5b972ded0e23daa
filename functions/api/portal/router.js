/** @import { View } from './types' */
import { closeDialogs } from './dialog.js';
import { button, byId, h, theirs } from './dom.js';
import { crumbs, heading } from './frame.js';
import { currentKey } from './key.js';
import { isAbort, Refused, statusOf } from './refused.js';

// Views by the part of the address behind the #, so that the back button and bookmarks work.

/**
 * @typedef {object} Routes
 * @property {[RegExp, View][]} views the groups of the address are the view's ids
 * @property {View} signIn shown instead of all others while there is no key
 * @property {() => unknown} signOut
 */

/** @type {Routes} */
let routes;
let leaving = new AbortController();
let first = true;

/** @param {Routes} given */
export function routeBy(given) {
  routes = given;
}

/** Shows the view that the address names. */
export async function show() {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  const opening = first;
  first = false;
  closeDialogs();
  const main = byId('main');
  const place = h('div.view', { 'aria-busy': 'true' });
  main.replaceChildren(place);
  if (!opening) main.focus({ preventScroll: true });
  scrollTo(0, 0);
  crumbs();
  try {
    await (currentKey() ? viewOf(place, signal) : routes.signIn(place, signal));
  } catch (error) {
    if (signal.aborted || isAbort(error)) return;
    failed(place, error);
  }
  if (signal.aborted) return;
  place.removeAttribute('aria-busy');
  const focused = document.activeElement;
  if (!opening && (focused === main || focused === document.body)) place.querySelector('h1')?.focus();
}

/**
 * @param {HTMLElement} place
 * @param {AbortSignal} signal
 */
function viewOf(place, signal) {
  const path = location.hash.replace(/^#\/?/, '').split('?')[0];
  for (const [pattern, view] of routes.views) {
    const match = pattern.exec(path);
    if (match) return view(place, signal, ...match.slice(1));
  }
  throw new Refused(404, 'There is nothing at this address.');
}

/** @param {string} path */
export const go = (path) => { location.hash = path; };

/**
 * Another address for the same view: no step back leads to the old one.
 *
 * @param {string} path
 */
export const renameTo = (path) => history.replaceState(null, '', path);

/**
 * @param {HTMLElement} place
 * @param {unknown} error
 */
function failed(place, error) {
  const gone = statusOf(error) === 404;
  place.replaceChildren(h('div.card.narrow', {},
    heading(gone ? 'Not found' : 'That did not work'),
    h('p', {}, gone ? 'It may have been deleted, or belong to another account.'
      : theirs(error instanceof Error ? error.message : String(error))),
    h('div.buttons', {},
      gone ? h('a.button.primary', { href: '#/' }, 'All webhooks') : button('Try again', show, '.primary'),
      [401, 403].includes(statusOf(error)) && button('Use another key', routes.signOut))));
}
