/** @import { LogReader } from './log' */

// The way back from a delivery leads to the log as it was left.

/**
 * What was shown when the reader went on to a delivery.
 *
 * @typedef {object} Left
 * @property {LogReader} log
 * @property {string} eventId the delivery's
 * @property {number} scroll how far the page was scrolled
 */

/** @type {Left | null} */
let left = null;

export const forgetLog = () => { left = null; };

/**
 * Keeps the log if the reader goes on to one of its deliveries.
 *
 * @param {LogReader} log
 */
export function keepLog(log) {
  log.signal.addEventListener('abort', () => {
    const [, eventId] = location.hash.split(`#/${log.id}/deliveries/`);
    if (eventId) left = { log, eventId, scroll: scrollY };
  });
}

/**
 * What was shown before, if it was the same and something was there.
 *
 * @param {LogReader} log
 */
export function comeBackTo(log) {
  const was = left;
  forgetLog();
  const same = was?.log.id === log.id && JSON.stringify(was.log.filter) === JSON.stringify(log.filter);
  if (!same || !was.log.items.length) return null;
  log.takeOver(was.log);
  return was;
}
