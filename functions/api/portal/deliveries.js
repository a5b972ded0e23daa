'use strict';

// The delivery log of a webhook, live while something is under way.

const SETTLING = 3; // looks
const STATUSES = ['pending', 'retrying', 'delivered', 'failed', 'cancelled'];

function deliveryLog(current, types, signal, settled) {
  const { id } = current();
  const log = logReader(id, filterInAddress(), signal);
  const list = h('ul.rows', { 'aria-label': 'Deliveries' });
  const body = h('div', {}, loading('deliveries'));
  const line = outcome();
  const searched = h('p.hint', {});
  const followed = new Map();
  let settling = 0;

  const more = button('Load more', () => attempt(more, 'Loading…', line, async () => {
    const before = log.items.length;
    await log.more();
    paint();
    announce(`${log.items.length - before} more deliveries`);
  }));
  const status = filterSelect('Status', STATUSES, log.filter.status, (value) => filterBy({ status: value }));
  const event = filterSelect('Event', types.map(({ name }) => name), log.filter.event, (value) => filterBy({ event: value }));

  function paint() {
    updateRows(list, log.items, ({ event_id }) => event_id, (item) => deliveryRow(id, item));
    body.replaceChildren(log.items.length ? list : h('p.nothing', {}, nothing(log)));
    more.hidden = !log.cursor;
    searched.replaceChildren(...(log.cursor && log.searchedTo ? ['Looked back to ', timeOf(log.searchedTo), '.'] : []));
    for (const [eventId, say] of followed) {
      const item = log.items.find(({ event_id }) => event_id === eventId);
      if (item) say(item);
      if (item && !isUnderWay(item)) followed.delete(eventId);
    }
  }

  async function filterBy(change) {
    Object.assign(log.filter, change);
    renameTo(`#/${id}${queryOf(log.filter)}`);
    line.clear();
    await restart();
    announce(log.items.length ? `${log.items.length} deliveries` : nothing(log));
  }

  async function restart() {
    body.setAttribute('aria-busy', 'true');
    try {
      await log.restart();
      paint();
      plan();
    } catch (error) {
      line.fail(error);
      if (!list.isConnected) body.replaceChildren(h('p.nothing', {}, button('Try again', restart)));
    } finally {
      body.removeAttribute('aria-busy');
    }
  }

  /** Whether something changed. What has become final may have changed the webhook too, a moment later. */
  async function refresh() {
    const before = JSON.stringify(log.items);
    const underWay = new Set(log.items.filter(isUnderWay).map(sortKey));
    await log.refresh();
    const ended = log.items.filter((item) => underWay.has(sortKey(item)) && !isUnderWay(item));
    if (ended.length) announce(ended.slice(0, 3).map((item) => `${item.event} ${item.status}`).join(', '));
    settling = ended.length ? SETTLING : Math.max(settling - 1, 0);
    paint();
    if (settling) await settled();
    return before !== JSON.stringify(log.items);
  }

  const nextDue = () => {
    const due = log.items.filter(isUnderWay).map(dueOf);
    if (settling) due.push(serverNow());
    return due.length ? Math.min(...due) : null;
  };
  const plan = keepFresh(signal, refresh, nextDue);

  /** After something was sent: what came of it changes the webhook too, even if it is quicker than we look. */
  async function sent() {
    settling = SETTLING;
    await restart();
  }

  /** Shows the newest, whatever was filtered, and tells how the delivery goes on. */
  async function follow(eventId, say) {
    followed.set(eventId, say);
    settling = SETTLING;
    status.select.value = event.select.value = '';
    await filterBy({ status: '', event: '' });
  }

  const recover = button('Recover failed…', () => recoverDialog(current(), sent));
  const card = h('section.card.flush', { 'aria-labelledby': 'deliveries' },
    h('div.card-head', {}, h('h2', { id: 'deliveries' }, 'Deliveries'), recover,
      h('div.filters', {}, status.field, event.field)),
    line, body, h('div.card-foot', {}, searched, more));
  more.hidden = true;
  return { card, restart, follow };
}

const queryOf = (filter) => {
  const query = new URLSearchParams(Object.entries(filter).filter(([, value]) => value)).toString();
  return query && `?${query}`;
};

function filterInAddress() {
  const query = new URLSearchParams(location.hash.split('?')[1]);
  const status = query.get('status') ?? '';
  return { status: STATUSES.includes(status) ? status : '', event: query.get('event') ?? '' };
}

function filterSelect(label, values, value, changed) {
  const select = h('select', { id: newId('filter'), onchange: () => changed(select.value) },
    h('option', { value: '' }, 'All'), ...values.map((each) => h('option', { value: each }, /\./.test(each) ? each : capital(each))));
  select.value = value;
  return { select, field: h('div.field', {}, h('label', { for: select.id }, label), select) };
}

const nothing = (log) => {
  if (log.cursor) return 'None among the latest. Load more to look further back.';
  if (log.filter.status || log.filter.event) return 'No delivery matches.';
  return 'Nothing was sent yet. Send a test event to see how it looks.';
};

function deliveryRow(id, delivery) {
  const last = delivery.attempts.at(-1);
  const tries = delivery.attempts.length;
  return h('li', {}, h('a.row.delivery', { href: `#/${id}/deliveries/${delivery.event_id}` },
    h('span.what', {},
      h('span.name', {}, code(delivery.event), ' ', delivery.test && testBadge()),
      last?.error && h('span.why', {}, theirs(sentence(last.error)))),
    h('span.when.hint', {},
      h('span', {}, timeOf(delivery.accepted_at)),
      h('span', {}, `${tries} ${tries === 1 ? 'attempt' : 'attempts'}`,
        isUnderWay(delivery) && delivery.next_attempt_at && [' · ', countdown(delivery.next_attempt_at)])),
    pill(delivery.status)));
}
