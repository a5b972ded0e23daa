/** @import { EventType, Filter } from './types' */
import { h, newId } from './dom.js';
import { localInput } from './time.js';
import { capital } from './words.js';

// What of the delivery log is shown: in the address, and in the boxes above it.

export const STATUSES = ['pending', 'retrying', 'delivered', 'failed', 'cancelled'];

/** @param {Filter} filter */
export function queryOf(filter) {
  const query = new URLSearchParams(Object.entries(filter).filter(([, value]) => value)).toString();
  return query && `?${query}`;
}

/** @returns {Filter} */
export function filterInAddress() {
  const query = new URLSearchParams(location.hash.split('?')[1]);
  const status = query.get('status') ?? '';
  return {
    status: STATUSES.includes(status) ? status : '',
    event: query.get('event') ?? '',
    since: utc(query.get('since') ?? ''),
    until: utc(query.get('until') ?? ''),
  };
}

/** @param {string} time the reader's, or RFC 3339; '' stands for none */
const utc = (time) => (Number.isNaN(Date.parse(time)) ? '' : new Date(time).toISOString());

/**
 * @param {string} label
 * @param {string[]} values
 * @param {string} value
 * @param {(value: string) => void} changed
 */
function filterSelect(label, values, value, changed) {
  const select = h('select', { id: newId('filter') },
    h('option', { value: '' }, 'All'),
    values.map((each) => h('option', { value: each }, each.includes('.') ? each : capital(each))));
  select.value = value;
  select.addEventListener('change', () => changed(select.value));
  return { select, field: h('div.field', {}, h('label', { for: select.id }, label), select) };
}

/**
 * @param {string} label
 * @param {string} value
 * @param {(value: string) => void} changed
 */
function filterTime(label, value, changed) {
  const input = h('input', {
    id: newId('filter'), type: 'datetime-local', value: value && localInput(Date.parse(value)),
  });
  input.addEventListener('change', () => changed(utc(input.value)));
  return { input, field: h('div.field', {}, h('label', { for: input.id }, label), input) };
}

/**
 * The boxes; `clear()` empties them.
 *
 * @param {Filter} filter what they hold at first
 * @param {EventType[]} types
 * @param {(change: Partial<Filter>) => unknown} changed
 */
export function filterBoxes(filter, types, changed) {
  const status = filterSelect('Status', STATUSES, filter.status, (value) => changed({ status: value }));
  const event = filterSelect('Event', types.map(({ name }) => name), filter.event, (value) => changed({ event: value }));
  const since = filterTime('From', filter.since, (value) => changed({ since: value }));
  const until = filterTime('Until', filter.until, (value) => changed({ until: value }));
  return Object.assign(h('div.filters', {}, status.field, event.field, since.field, until.field), {
    clear: () => { status.select.value = event.select.value = since.input.value = until.input.value = ''; },
  });
}
