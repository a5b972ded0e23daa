/** @import { Child, Outcome } from './types' */
import { fill, h, theirs } from './dom.js';
import { isAbort, Refused } from './refused.js';

// Actions: the button says that one is under way, and a line what came of it.

/**
 * Runs `work`; until it ends the button says so and does nothing, but keeps the focus.
 *
 * @param {HTMLElement} pressed
 * @param {string} label
 * @param {() => Promise<void>} work
 */
export async function busy(pressed, label, work) {
  if (pressed.getAttribute('aria-disabled') === 'true') return;
  const before = [...pressed.childNodes];
  pressed.setAttribute('aria-disabled', 'true');
  pressed.replaceChildren(h('span.spinner', { 'aria-hidden': 'true' }), label);
  try {
    await work();
  } finally {
    pressed.removeAttribute('aria-disabled');
    pressed.replaceChildren(...before);
  }
}

/** @returns {Outcome} */
export function outcome() {
  const line = h('p.outcome', { role: 'status' });
  /** @type {(kind: string, ...content: Child[]) => void} */
  const show = (kind, ...content) => {
    line.className = `outcome ${kind}`;
    fill(line, ...content);
  };
  return Object.assign(line, {
    /** @param {...Child} content */
    say: (...content) => show('good', ...content),
    /** @param {unknown} error */
    fail: (error) => { if (!isAbort(error)) show('bad', theirs(error instanceof Error ? error.message : String(error))); },
    clear: () => show(''),
  });
}

/**
 * Runs `work` under the button, and says in the line why it failed and when to try again.
 *
 * @param {HTMLElement} pressed
 * @param {string} label
 * @param {Outcome} line
 * @param {() => Promise<void>} work
 */
export async function attempt(pressed, label, line, work) {
  line.clear();
  await busy(pressed, label, async () => {
    try {
      await work();
    } catch (error) {
      line.fail(error);
      if (!(error instanceof Refused && error.retryAfter)) return;
      if (pressed.lastChild) pressed.lastChild.textContent = 'Waiting…';
      await countDown(error.retryAfter, (left) => line.fail(error.in(left)));
    }
  });
}

/**
 * Calls `say` with the seconds left as they pass, until `wanted` says no.
 *
 * @param {number} seconds
 * @param {(left: number) => void} say
 * @param {() => boolean} [wanted]
 * @returns {Promise<void>}
 */
export function countDown(seconds, say, wanted = () => true) {
  return new Promise((resolve) => {
    const end = Date.now() + seconds * 1000;
    const tick = () => {
      const left = Math.ceil((end - Date.now()) / 1000);
      if (wanted()) say(Math.max(left, 0));
      if (left <= 0 || !wanted()) resolve();
      else setTimeout(tick, 500);
    };
    tick();
  });
}
