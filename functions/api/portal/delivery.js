'use strict';

// One delivery: its attempts on a time line, and what was sent.

async function deliveryView(place, signal, id, eventId) {
  crumbs([id, `#/${id}`], [eventId]);
  place.append(loading('the delivery'));
  const address = path(id, 'deliveries', eventId);
  const [webhook, first] = await Promise.all([webhookOf(id, signal), call('GET', address, { signal })]);
  if (signal.aborted) return;
  let delivery = first;
  crumbs([webhook.name, `#/${id}`], ['Delivery']);

  const line = outcome();
  const top = h('div.grow', {});
  const summary = h('div.across', {});
  const timeline = h('ol.timeline', { 'aria-label': 'Attempts' });
  const next = h('p.hint', {});
  const retry = button('Retry', () => attempt(retry, 'Retrying…', line, async () => {
    const answer = await call('POST', `${address}/retry`);
    delivery = { ...delivery, ...answer };
    line.say('It is being sent again.');
    paint();
    plan();
  }), '.primary');

  function paint() {
    retry.hidden = isUnderWay(delivery);
    if (retry.hidden && document.activeElement === retry) top.querySelector('h1')?.focus();
    top.replaceChildren(heading(delivery.event, ' ', pill(delivery.status), ' ', delivery.test && testBadge()));
    summary.replaceChildren(facts(
      ['Event id', code(delivery.event_id)],
      ['Accepted', timeOf(delivery.accepted_at)]));
    updateRows(timeline, delivery.attempts, ({ round, number }) => `${round}.${number}`, attemptItem);
    const waits = isUnderWay(delivery) && delivery.next_attempt_at;
    next.replaceChildren(...(waits ? [countdown(delivery.next_attempt_at)] : []));
    none.hidden = delivery.attempts.length > 0;
  }

  async function refresh() {
    const fresh = await call('GET', address, { signal });
    const moved = JSON.stringify(fresh) !== JSON.stringify(delivery);
    if (fresh.status !== delivery.status) {
      announce(`${fresh.event} ${fresh.status}`);
      line.clear();
    }
    delivery = fresh;
    if (moved) paint();
    return moved;
  }

  const plan = keepFresh(signal, refresh, () => (isUnderWay(delivery) ? dueOf(delivery) : null));
  const none = h('p.nothing', {}, 'No attempt was made yet.');
  const payload = JSON.stringify(delivery.payload, null, 2);
  paint();
  place.replaceChildren(
    h('div.title', {}, top, retry), line,
    h('section.card', { 'aria-label': 'Summary' }, summary),
    h('section.card', { 'aria-labelledby': 'attempts' }, h('h2', { id: 'attempts' }, 'Attempts'), none, timeline, next),
    h('section.card', { 'aria-labelledby': 'payload' },
      h('div.card-title', {}, h('h2', { id: 'payload' }, 'Payload'), copyButton(payload, 'the payload')),
      h('p.hint', {}, 'The same at every attempt; sent without the spaces and line breaks that are shown here.'),
      box(payload, 'Payload')));
  plan();
}

function attemptItem(attempt) {
  const good = !attempt.error;
  const name = attempt.round > 1 ? `Attempt ${attempt.number} of round ${attempt.round}` : `Attempt ${attempt.number}`;
  return h(`li.${good ? 'good' : 'bad'}`, {},
    h('div.attempt', {},
      h('strong', {}, name), ' ',
      h(`span.pill.${good ? 'good' : 'bad'}`, {}, attempt.status_code ?? 'No answer'),
      h('span.hint', {}, timeOf(attempt.at), ` · ${duration(attempt.duration_ms)}`)),
    attempt.error && h('p.why', {}, theirs(sentence(attempt.error))),
    attempt.response_body && h('details', {}, h('summary', {}, 'Response body'),
      box(attempt.response_body, `Response body of attempt ${attempt.number}`)));
}

const duration = (milliseconds) => (milliseconds < 1000
  ? `${milliseconds} ms` : `${(milliseconds / 1000).toFixed(1)} s`);
