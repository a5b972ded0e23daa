import { announce, byId } from './dom.js';
import { isAbort, statusOf } from './refused.js';
import { serverNow } from './time.js';

// Keeping what is shown true: often while something is due, else slowly, and when the reader comes back to the tab.

const FIRST_PAUSE = 800; // ms
const LONGEST_PAUSE = 20000;
const SLOW_PAUSE = 10000;
const SLOWEST_PAUSE = 30000;

/**
 * Calls `again` when the tab is looked at again: another tab may have changed things.
 *
 * @param {AbortSignal} signal
 * @param {() => unknown} again
 */
export function onReturn(signal, again) {
  let last = Date.now();
  const returned = () => {
    if (document.hidden || Date.now() - last < 1000) return;
    last = Date.now();
    again();
  };
  document.addEventListener('visibilitychange', returned, { signal });
  window.addEventListener('focus', returned, { signal });
}

/** What could not be read again, and why. @type {Map<unknown, string>} */
const stale = new Map();

/**
 * Says at the foot of the page that it may be out of date, until all that it shows could be read again.
 *
 * @param {unknown} what
 * @param {unknown} [error] none if it could be read
 */
function sayStale(what, error) {
  if (error instanceof Error) stale.set(what, error.message);
  else stale.delete(what);
  const [reason] = stale.values();
  const text = reason ? `This may be out of date. ${reason}` : '';
  const place = byId('stale');
  if (place.textContent === text) return;
  place.textContent = text;
  place.hidden = !text;
  if (text) announce(text);
}

/**
 * Calls `refresh` when something is due, ever more rarely while it finds nothing new, and not while nobody looks.
 *
 * @param {AbortSignal} signal
 * @param {() => Promise<boolean>} refresh whether something changed
 * @param {() => number | 'slowly' | null} nextDue in milliseconds; when nothing is under way, 'slowly' every 10 to
 *   30 s, for what may begin by itself, or null
 * @returns {() => void} looks at `nextDue` again, after something was read or sent
 */
export function keepFresh(signal, refresh, nextDue) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let quiet = 0;
  let running = false;

  async function tick() {
    if (running || signal.aborted) return;
    running = true;
    try {
      quiet = await refresh() ? 0 : quiet + 1;
      sayStale(refresh);
    } catch (error) {
      if (signal.aborted) return;
      if (!isAbort(error)) sayStale(refresh, error);
      if ([401, 403, 404].includes(statusOf(error))) return;
      quiet += 2;
    } finally {
      running = false;
    }
    plan();
  }

  function plan() {
    clearTimeout(timer);
    const due = nextDue();
    if (due === null || signal.aborted || document.hidden) return;
    const pause = Math.min(FIRST_PAUSE * 1.6 ** quiet, LONGEST_PAUSE);
    timer = setTimeout(tick, due === 'slowly'
      ? Math.min(SLOW_PAUSE * 1.2 ** quiet, SLOWEST_PAUSE) : Math.max(pause, due - serverNow() + 300));
  }

  onReturn(signal, tick);
  document.addEventListener('visibilitychange', () => { if (document.hidden) clearTimeout(timer); }, { signal });
  signal.addEventListener('abort', () => {
    clearTimeout(timer);
    sayStale(refresh);
  });
  return () => {
    quiet = 0;
    sayStale(refresh);
    plan();
  };
}

/** @type {WeakMap<Element, {key: string, state: string}>} */
const shown = new WeakMap();

/**
 * Puts `items` into the list, touching only the rows that are new, gone or different, so that the focus stays.
 *
 * @template Item
 * @param {HTMLElement} list
 * @param {Item[]} items
 * @param {(item: Item) => string} keyOf
 * @param {(item: Item) => HTMLElement} row
 */
export function updateRows(list, items, keyOf, row) {
  const old = new Map([...list.children].map((element) => [shown.get(element)?.key, element]));
  let place = list.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    const state = JSON.stringify(item);
    let element = old.get(key);
    old.delete(key);
    if (element && shown.get(element)?.state !== state) {
      const focused = element.contains(document.activeElement);
      const fresh = row(item);
      if (place === element) place = fresh;
      element.replaceWith(fresh);
      element = fresh;
      if (focused) fresh.querySelector('a')?.focus({ preventScroll: true });
    }
    element ??= row(item);
    shown.set(element, { key, state });
    if (element === place) place = place.nextElementSibling;
    else list.insertBefore(element, place);
  }
  for (const gone of old.values()) gone.remove();
}
