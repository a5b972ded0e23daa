/** @import { FieldError } from './types' */

// Failed calls.

/** What the API or the network refused, in words for the reader. */
export class Refused extends Error {
  /**
   * @param {number} status 0 if there was no answer
   * @param {string} message
   * @param {{errors?: FieldError[], retryAfter?: number}} [more] `retryAfter` in seconds
   */
  constructor(status, message, { errors = [], retryAfter = 0 } = {}) {
    super(message);
    this.status = status;
    this.errors = errors;
    this.retryAfter = retryAfter;
  }
}

/** @param {unknown} error */
export const statusOf = (error) => (error instanceof Refused ? error.status : 0);

/**
 * Whether the API has stored the change, although it refuses the call, because the rest of the work is still to be done. API
 * Gateway's own 503 has other words.
 *
 * @param {unknown} error
 */
export const isStored = (error) => error instanceof Refused && error.status === 503 && /^The webhook is (changed|disabled), but/.test(error.message);

/**
 * Whether the call was given up because the reader left the view.
 *
 * @param {unknown} error
 */
export const isAbort = (error) => error instanceof Error && error.name === 'AbortError';
