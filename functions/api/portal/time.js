import { h } from './dom.js';
import { inWords } from './words.js';

// Times in the reader's own zone, by the server's clock.

let serverAhead = 0;

/**
 * Learns from an answer's Date how far the reader's clock is off.
 *
 * @param {string | null} date
 */
export function compareClock(date) {
  const ahead = Date.parse(date ?? '') - Date.now();
  if (!Number.isNaN(ahead)) serverAhead = Math.abs(ahead) > 2000 ? ahead : 0;
}

export const serverNow = () => Date.now() + serverAhead;

const thisYear = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', second: '2-digit',
});
const otherYear = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });

/** @param {string} time RFC 3339, UTC; which is what the title shows */
export function timeOf(time) {
  const at = new Date(time);
  const format = at.getFullYear() === new Date().getFullYear() ? thisYear : otherYear;
  const utc = `${at.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
  return h('time', { datetime: time, title: utc }, format.format(at));
}

/**
 * "next attempt in 42 s", counting down by itself.
 *
 * @param {string} time
 */
export function countdown(time) {
  const span = h('span.due', { 'data-due': time });
  tickOne(span);
  return span;
}

/** @param {HTMLElement} span */
function tickOne(span) {
  const left = Date.parse(span.dataset.due ?? '') - serverNow();
  span.textContent = left > 500 ? `next attempt in ${inWords(left)}` : 'next attempt is due now';
}

setInterval(() => {
  if (!document.hidden) document.querySelectorAll('span.due').forEach((span) => tickOne(/** @type {HTMLElement} */ (span)));
}, 1000);

/**
 * For an <input type=datetime-local>: the reader's time, without a zone.
 *
 * @param {number} milliseconds
 */
export function localInput(milliseconds) {
  const at = new Date(milliseconds);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
}
