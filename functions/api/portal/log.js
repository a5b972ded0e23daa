/** @import { Delivery, Filter } from './types' */
import { call } from './api.js';
import { pathOf } from './parts.js';
import { serverNow } from './time.js';

// The delivery log's contents, newest first: pages, filters, and what is still under way.

const PAGE = matchMedia('(max-width: 600px)').matches ? 10 : 25;
const FEWEST = 10;
const MAX_PAGES = 8;
const MAX_PAGES_AGAIN = 4; // of 100; the pages that an account can read in a minute are limited

/** @param {Pick<Delivery, 'status'>} delivery */
export const isUnderWay = ({ status }) => status === 'pending' || status === 'retrying';

/** @param {Delivery} delivery */
const hasEnded = (delivery) => !isUnderWay(delivery);

/** @param {Delivery} delivery */
const sortKey = ({ accepted_at, event_id }) => `${accepted_at}#${event_id}`;

/**
 * When the delivery is to be looked at again, in milliseconds.
 *
 * @param {Pick<Delivery, 'next_attempt_at'>} delivery
 */
export const dueOf = (delivery) => (delivery.next_attempt_at ? Date.parse(delivery.next_attempt_at) : serverNow());

/** The part of a webhook's log that has been read. */
export class LogReader {
  /** @type {Delivery[]} */
  items = [];
  /** @type {string | null} */
  cursor = null;
  /** @type {string | null} */
  searchedTo = null;
  /** What is being read. */
  #reading = new AbortController();

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

  /**
   * Nothing that was read matches it: `restart` is to follow.
   *
   * @param {Partial<Filter>} change
   */
  filterBy(change) {
    Object.assign(this.filter, change);
    this.items = [];
    this.cursor = null;
  }

  /** Reads the newest. What is being read meanwhile is given up, by an AbortError: it may be of another filter. */
  async restart() {
    this.#reading.abort();
    this.#reading = new AbortController();
    const { found, cursor } = await this.#load(null);
    this.items = found;
    this.cursor = cursor;
  }

  /**
   * Goes on with what another reader of the same log had.
   *
   * @param {LogReader} was
   */
  takeOver({ items, cursor, searchedTo }) {
    Object.assign(this, { items, cursor, searchedTo });
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

  /** Reads what is shown again, and what is new. Returns what has ended since. */
  async refresh() {
    const ended = new Set(this.items.filter(hasEnded).map(sortKey));
    await this.#readAgain();
    return this.items.filter((item) => hasEnded(item) && !ended.has(sortKey(item)));
  }

  /** The newest, as far back as to what was shown, and as something was under way there. What is older is kept as it was. */
  async #readAgain() {
    const { signal } = this.#reading;
    const fresh = /** @type {Delivery[]} */ ([]);
    let cursor = /** @type {string | null} */ (null);
    let older = this.items;
    let pages = 0;
    const reached = () => older.length < this.items.length;
    do {
      const answer = await this.#page(cursor, Math.min(reached() ? older.length : Math.max(older.length, PAGE), 100), signal);
      fresh.push(...answer.data);
      cursor = answer.next_cursor;
      const last = fresh.at(-1);
      if (last) older = this.items.filter((item) => sortKey(item) < sortKey(last));
    } while (cursor && (reached() ? older.some(isUnderWay) : older.length) && ++pages < MAX_PAGES_AGAIN);
    if (cursor && !fresh.length) return; // nothing on these pages, more behind them: as it was
    const kept = cursor && reached() ? older : [];
    if (!kept.length) this.cursor = cursor;
    this.items = [...fresh, ...kept];
  }

  /**
   * @param {string | null} cursor
   * @param {number} limit
   * @param {AbortSignal} signal
   * @returns {Promise<{data: Delivery[], next_cursor: string | null, searched_to: string | null}>}
   */
  #page(cursor, limit, signal) {
    const query = new URLSearchParams({ limit: String(limit) });
    for (const [name, value] of Object.entries({ ...this.filter, cursor })) if (value) query.set(name, value);
    return call('GET', `${pathOf(this.id, 'deliveries')}?${query}`, { signal: AbortSignal.any([this.signal, signal]) });
  }

  /**
   * A filtered page may be short although more follow: goes on until there is something to show.
   *
   * @param {string | null} cursor
   */
  async #load(cursor) {
    const { signal } = this.#reading;
    /** @type {Delivery[]} */
    const found = [];
    let pages = 0;
    do {
      const answer = await this.#page(cursor, PAGE, signal);
      found.push(...answer.data);
      cursor = answer.next_cursor;
      this.searchedTo = answer.searched_to;
    } while (cursor && found.length < FEWEST && ++pages < MAX_PAGES);
    return { found, cursor };
  }
}
