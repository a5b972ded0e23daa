/** @import { Child, Outcome } from './types' */
import { fill, h, theirs } from './dom.js';
import { isAbort, Refused } from './refused.js';
import { inWords } from './words.js';

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
    /** @type {(error: unknown, ...more: Child[]) => void} */
    fail: (error, ...more) => { if (!isAbort(error)) show('bad', theirs(error instanceof Error ? error.message : String(error)), ...more); },
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
      if (!(error instanceof Refused && error.retryAfter)) {
        line.fail(error);
        return;
      }
      if (pressed.lastChild) pressed.lastChild.textContent = 'Waiting…';
      const { left, ended } = countDown(error.retryAfter, (seconds) => `Try again in ${inWords(seconds * 1000)}.`);
      line.fail(error, ' ', ...left);
      await ended;
      line.fail(error, ' You can try again now.');
    }
  });
}

/**
 * Counts down to the eye only: for those who hear the page, the words stay as they are at first, or each second would be read
 * to them.
 *
 * @param {number} seconds
 * @param {(left: number) => string} words
 * @param {() => boolean} [wanted] ends it early with no
 * @returns {{left: HTMLElement[], ended: Promise<void>}}
 */
export function countDown(seconds, words, wanted = () => true) {
  const shown = h('span', { 'aria-hidden': 'true' });
  const ended = new Promise((/** @type {(value: void) => void} */ resolve) => {
    const end = Date.now() + seconds * 1000;
    const tick = () => {
      const left = Math.max(Math.ceil((end - Date.now()) / 1000), 0);
      shown.textContent = words(left);
      if (!left || !wanted()) resolve();
      else setTimeout(tick, 500);
    };
    tick();
  });
  return { left: [h('span.unseen', {}, words(seconds)), shown], ended };
}
