'use strict';

// Views by the part of the address behind the #, so that the back button and bookmarks work.

const ROUTES = [
  [/^$/, (place, signal) => listView(place, signal)],
  [/^new$/, (place, signal) => newView(place, signal)],
  [/^(wh_\w+)$/, (place, signal, id) => webhookView(place, signal, id)],
  [/^(wh_\w+)\/edit$/, (place, signal, id) => editView(place, signal, id)],
  [/^(wh_\w+)\/secret$/, (place, signal, id) => secretView(place, signal, id)],
  [/^(wh_\w+)\/deliveries\/([\w-]+)$/, (place, signal, id, event) => deliveryView(place, signal, id, event)],
];
let leaving = new AbortController();
let first = true;

/** Shows the view that the address names. */
async function show() {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  closeDialogs();
  const main = document.getElementById('main');
  const place = h('div.view', { 'aria-busy': 'true' });
  main.replaceChildren(place);
  if (!first) main.focus({ preventScroll: true });
  scrollTo(0, 0);
  crumbs();
  try {
    await (token ? viewOf(place, signal) : keyView(place));
  } catch (error) {
    if (signal.aborted || error.name === 'AbortError') return;
    failed(place, error);
  }
  if (signal.aborted) return;
  place.removeAttribute('aria-busy');
  if (!first && [main, document.body].includes(document.activeElement)) place.querySelector('h1')?.focus();
  first = false;
}

function viewOf(place, signal) {
  const path = location.hash.replace(/^#\/?/, '').split('?')[0];
  for (const [pattern, view] of ROUTES) {
    const match = pattern.exec(path);
    if (match) return view(place, signal, ...match.slice(1));
  }
  return failed(place, new Refused(404, 'There is nothing at this address.'));
}

const go = (path) => { location.hash = path; };

/** Another address for the same view: no step back leads to the old one. */
const renameTo = (path) => history.replaceState(null, '', path);

function heading(text, ...more) {
  document.title = `\u2068${text}\u2069 · Webhooks · AIsoule`;
  return h('h1', { tabindex: '-1' }, theirs(text), ...more);
}

/** The way back: each pair is a text and, but for the last, an address. */
function crumbs(...steps) {
  const all = [['Settings'], ['Webhooks', '#/'], ...steps];
  document.getElementById('crumbs').replaceChildren(...all.map(([text, to], i) => (
    h('li', {}, to && i < all.length - 1
      ? h('a', { href: to }, theirs(text)) : h('span', { 'aria-current': i === all.length - 1 && 'page' }, theirs(text))))));
}

function loading(what) {
  return h('div.card.skeleton', {}, h('p.loading', {}, `Loading ${what}…`),
    ...[1, 2, 3].map(() => h('span.bone', { 'aria-hidden': 'true' })));
}

function failed(place, error) {
  const gone = error.status === 404;
  place.replaceChildren(h('div.card.narrow', {},
    heading(gone ? 'Not found' : 'That did not work'),
    h('p', {}, gone ? 'It may have been deleted, or belong to another account.' : theirs(error.message)),
    h('div.buttons', {},
      gone ? h('a.button.primary', { href: '#/' }, 'All webhooks') : button('Try again', show, '.primary'),
      [401, 403].includes(error.status) && button('Use another key', signOut))));
}
