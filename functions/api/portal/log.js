/** @import { Delivery, Filter } from './types' */
import { call } from './api.js';
import { pathOf } from './parts.js';
import { serverNow } from './time.js';

// The delivery log's contents, newest first: pages, filters, and what is still under way.

const PAGE = matchMedia('(max-width: 600px)').matches ? 10 : 25;
const FEWEST = 10;
const MAX_PAGES = 8;

/** @param {Pick<Delivery, 'status'>} delivery */
export const isUnderWay = ({ status }) => status === 'pending' || status === 'retrying';

/** @param {Delivery} delivery */
export const sortKey = ({ accepted_at, event_id }) => `${accepted_at}#${event_id}`;

/**
 * When the delivery is to be looked at again, in milliseconds.
 *
 * @param {Pick<Delivery, 'next_attempt_at'>} delivery
 */
export const dueOf = (delivery) => (delivery.next_attempt_at ? Date.parse(delivery.next_attempt_at) : serverNow());

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

/** The part of a webhook's log that has been read. */
export class LogReader {
  /** @type {Delivery[]} */
  items = [];
  /** @type {string | null} */
  cursor = null;
  /** @type {string | null} */
  searchedTo = null;

  /**
   * @param {string} id of the webhook
   * @param {Filter} filter each part '' for any
   * @param {AbortSignal} signal
   */
  constructor(id, filter, signal) {
    this.id = id;
    this.filter = filter;
    this.signal = signal;
  }

  async restart() {
    const { found, cursor } = await this.#load(null);
    this.items = found;
    this.cursor = cursor;
  }

  /**
   * For the way back from a delivery.
   *
   * @param {string} eventId
   */
  leave(eventId) {
    left = { log: this, eventId, scroll: scrollY };
  }

  /** Goes on with what was shown before, if it was the same. */
  comeBack() {
    const was = left;
    forgetLog();
    if (was?.log.id !== this.id || JSON.stringify(was.log.filter) !== JSON.stringify(this.filter)) return null;
    const { items, cursor, searchedTo } = was.log;
    Object.assign(this, { items, cursor, searchedTo });
    return was;
  }

  async more() {
    const { found, cursor } = await this.#load(this.cursor);
    const known = new Set(this.items.map(sortKey));
    this.items = [...this.items, ...found.filter((item) => !known.has(sortKey(item)))];
    this.cursor = cursor;
  }

  latestFailure() {
    return this.items.map(({ attempts }) => attempts.at(-1)).find((last) => last?.error);
  }

  /** Reads the newest again, and keeps what is older. */
  async refresh() {
    const answer = await this.#page(null, Math.min(Math.max(this.items.length, PAGE), 100));
    const last = answer.data.at(-1);
    const older = last ? this.items.filter((item) => sortKey(item) < sortKey(last)) : [];
    const kept = answer.next_cursor ? older : [];
    if (answer.next_cursor && !last) return; // nothing on this page, more behind it: as it was
    if (!kept.length) this.cursor = answer.next_cursor;
    this.items = [...answer.data, ...kept];
  }

  /**
   * @param {string | null} cursor
   * @param {number} limit
   * @returns {Promise<{data: Delivery[], next_cursor: string | null, searched_to: string | null}>}
   */
  #page(cursor, limit) {
    const query = new URLSearchParams({ limit: String(limit) });
    for (const [name, value] of Object.entries({ ...this.filter, cursor })) if (value) query.set(name, value);
    return call('GET', `${pathOf(this.id, 'deliveries')}?${query}`, { signal: this.signal });
  }

  /**
   * A filtered page may be short although more follow: goes on until there is something to show.
   *
   * @param {string | null} cursor
   */
  async #load(cursor) {
    /** @type {Delivery[]} */
    const found = [];
    let pages = 0;
    do {
      const answer = await this.#page(cursor, PAGE);
      found.push(...answer.data);
      cursor = answer.next_cursor;
      this.searchedTo = answer.searched_to;
    } while (cursor && found.length < FEWEST && ++pages < MAX_PAGES);
    return { found, cursor };
  }
}
