'use strict';

// Keeping what is shown true: while something is due, and when the reader comes back to the tab.

const FIRST_PAUSE = 800;
const LONGEST_PAUSE = 20000;

/** Calls `again` when the tab is looked at again: another tab may have changed things. */
function onReturn(signal, again) {
  let last = Date.now();
  const returned = () => {
    if (document.hidden || Date.now() - last < 1000) return;
    last = Date.now();
    again();
  };
  document.addEventListener('visibilitychange', returned, { signal });
  window.addEventListener('focus', returned, { signal });
}

/**
 * Calls `refresh` when something is due, ever more rarely while it finds nothing new, and not while nobody looks.
 * `refresh` says whether something changed; `nextDue` gives milliseconds, or null when nothing is under way.
 */
function keepFresh(signal, refresh, nextDue) {
  let timer;
  let quiet = 0;
  let running = false;

  async function tick() {
    if (running || signal.aborted) return;
    running = true;
    try {
      quiet = await refresh() ? 0 : quiet + 1;
    } catch (error) {
      if ([401, 403, 404].includes(error.status) || signal.aborted) return;
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
    timer = setTimeout(tick, Math.max(pause, due - serverNow() + 300));
  }

  onReturn(signal, tick);
  document.addEventListener('visibilitychange', () => { if (document.hidden) clearTimeout(timer); }, { signal });
  signal.addEventListener('abort', () => clearTimeout(timer));
  return () => { quiet = 0; plan(); };
}

/** Puts `items` into the list, touching only the rows that are new, gone or different, so that the focus stays. */
function updateRows(list, items, keyOf, row) {
  const old = new Map([...list.children].map((element) => [element.dataset.key, element]));
  let place = list.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    const state = JSON.stringify(item);
    let element = old.get(key);
    old.delete(key);
    if (element && element.state !== state) {
      const focused = element.contains(document.activeElement);
      const fresh = row(item);
      if (place === element) place = fresh;
      element.replaceWith(fresh);
      element = fresh;
      if (focused) element.querySelector('a, button')?.focus({ preventScroll: true });
    }
    element ??= row(item);
    element.dataset.key = key;
    element.state = state;
    if (element === place) place = place.nextElementSibling;
    else list.insertBefore(element, place);
  }
  for (const gone of old.values()) gone.remove();
}
