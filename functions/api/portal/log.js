'use strict';

// The delivery log's contents, newest first: pages, filters, and what is still under way.

const PAGE = matchMedia('(max-width: 600px)').matches ? 10 : 25;
const FEWEST = 10;
const MOST_PAGES = 8;

const isUnderWay = ({ status }) => status === 'pending' || status === 'retrying';
const sortKey = ({ accepted_at, event_id }) => `${accepted_at}#${event_id}`;

/** When the delivery is to be looked at again, in milliseconds. */
const dueOf = (delivery) => (delivery.next_attempt_at ? Date.parse(delivery.next_attempt_at) : serverNow());

/** `items`, and calls that change them. `filter` is {status, event}, each '' for any. */
function logReader(id, filter, signal) {
  const log = { items: [], cursor: null, searchedTo: null, filter };

  function page(cursor, limit) {
    const query = new URLSearchParams({ limit });
    for (const [name, value] of Object.entries({ ...log.filter, cursor })) if (value) query.set(name, value);
    return call('GET', `${path(id, 'deliveries')}?${query}`, { signal });
  }

  /** A filtered page may be short although more follow: goes on until there is something to show. */
  async function load(cursor) {
    const found = [];
    let pages = 0;
    do {
      const answer = await page(cursor, PAGE);
      found.push(...answer.data);
      cursor = answer.next_cursor;
      log.searchedTo = answer.searched_to;
    } while (cursor && found.length < FEWEST && ++pages < MOST_PAGES);
    return { found, cursor };
  }

  log.restart = async () => {
    const { found, cursor } = await load(null);
    log.items = found;
    log.cursor = cursor;
  };

  log.more = async () => {
    const { found, cursor } = await load(log.cursor);
    const known = new Set(log.items.map(sortKey));
    log.items = [...log.items, ...found.filter((item) => !known.has(sortKey(item)))];
    log.cursor = cursor;
  };

  /** Reads the newest again, and keeps what is older. */
  log.refresh = async () => {
    const answer = await page(null, Math.min(Math.max(log.items.length, PAGE), 100));
    const last = answer.data.at(-1);
    const older = last ? log.items.filter((item) => sortKey(item) < sortKey(last)) : [];
    const kept = answer.next_cursor ? older : [];
    if (answer.next_cursor && !last) return; // nothing on this page, more behind it: as it was
    if (!kept.length) log.cursor = answer.next_cursor;
    log.items = [...answer.data, ...kept];
  };

  return log;
}
