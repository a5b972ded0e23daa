/** @import { Attempt, Delivery } from './types' */
import { nextStep } from './advice.js';
import { call } from './api.js';
import { copyButton } from './copy.js';
import { announce, button, code, fill, h, refill, theirs } from './dom.js';
import { crumbs, heading, loading } from './frame.js';
import { keepFresh, updateRows } from './live.js';
import { dueOf, isUnderWay } from './log.js';
import { attempt, outcome } from './outcome.js';
import { box, facts, pathOf, pill, testBadge, webhookOf } from './parts.js';
import { requestCard } from './request.js';
import { countdown, timeOf } from './time.js';
import { forgetLog } from './way_back.js';
import { sentence } from './words.js';

// One delivery: its attempts on a time line, and what was sent.

const SENT_AGAIN = {
  waiting: 'It is resent automatically when your server works again.',
  given_up: 'Not resent automatically: given up after 3 days or at the 12th outage.',
  stopped: 'Not resent automatically: switched off, or the webhook disabled.',
  too_old: 'Not resent automatically: too old.',
};

/**
 * @param {HTMLElement} place
 * @param {AbortSignal} signal
 * @param {string} id of the webhook
 * @param {string} eventId
 */
export async function deliveryView(place, signal, id, eventId) {
  crumbs([id, `#/${id}`], [eventId]);
  signal.addEventListener('abort', () => { if (location.hash.split('?')[0] !== `#/${id}`) forgetLog(); });
  place.append(loading('the delivery'));
  const address = pathOf(id, 'deliveries', eventId);
  /** @type {() => Promise<Delivery>} */
  const ask = () => call('GET', address, { signal });
  const [webhook, first] = await Promise.all([webhookOf(id, signal), ask()]);
  if (signal.aborted) return;
  let delivery = first;
  crumbs([webhook.name, `#/${id}`], ['Delivery']);

  const line = outcome();
  const top = h('div.grow');
  const timeline = h('ol.timeline', { 'aria-label': 'Attempts' });
  const next = h('p.hint');
  const advice = h('p');
  const request = h('section.card', { 'aria-labelledby': 'request' });
  let requested = '';
  const retry = button('Retry', () => attempt(retry, 'Retrying…', line, async () => {
    const answer = await call('POST', `${address}/retry`);
    signal.throwIfAborted();
    delivery = { ...delivery, ...answer };
    line.say('It is being sent again.');
    paint();
    plan();
  }), '.primary');

  function paint() {
    const focused = document.activeElement === retry;
    retry.hidden = isUnderWay(delivery);
    refill(top, heading(delivery.event, ' ', pill(delivery.status), ' ', delivery.test && testBadge()));
    if (focused && retry.hidden) top.querySelector('h1')?.focus();
    updateRows(timeline, delivery.attempts, ({ round, number }) => `${round}.${number}`, attemptItem);
    fill(next, isUnderWay(delivery) ? delivery.next_attempt_at && countdown(delivery.next_attempt_at)
      : delivery.catch_up && SENT_AGAIN[delivery.catch_up]);
    none.hidden = delivery.attempts.length > 0;
    const last = delivery.attempts.at(-1);
    paintRequest();
    fill(advice, last?.error && nextStep(last.error_code, last.status_code));
  }

  function paintRequest() {
    request.hidden = !delivery.request;
    const fresh = JSON.stringify(delivery.request);
    if (!delivery.request || fresh === requested) return;
    requested = fresh;
    refill(request, ...requestCard(delivery.request, request.querySelector('details')?.open));
  }

  async function refresh() {
    const fresh = await ask();
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
    h('section.card.across', { 'aria-label': 'Summary' }, facts(
      ['Event id', h('a', { href: `#/events/${delivery.event_id}`, title: 'What became of it at every webhook' }, code(delivery.event_id))],
      ['Accepted', timeOf(delivery.accepted_at)])),
    h('section.card', { 'aria-labelledby': 'attempts' }, h('h2', { id: 'attempts' }, 'Attempts'), none, timeline, advice, next),
    h('section.card', { 'aria-labelledby': 'payload' },
      h('div.card-title', {}, h('h2', { id: 'payload' }, 'Payload'), copyButton(payload, 'the payload')),
      h('p.hint', {}, 'The same at every attempt; sent without the spaces and line breaks that are shown here.'),
      box(payload, 'Payload')), request);
  plan();
}

/** @param {Attempt} attempt */
function attemptItem(attempt) {
  const good = !attempt.error;
  const name = attempt.round > 1 ? `Retry ${attempt.round - 1}, attempt ${attempt.number}` : `Attempt ${attempt.number}`;
  return h(`li.${good ? 'good' : 'bad'}`, {},
    h('div.attempt', {},
      h('strong', {}, name), ' ',
      h(`span.pill.${good ? 'good' : 'bad'}`, {}, attempt.status_code ?? 'No answer'),
      h('span.hint', {}, timeOf(attempt.at), ` · ${duration(attempt.duration_ms)}`)),
    attempt.error && h('p.why', {}, theirs(sentence(attempt.error))),
    attempt.redirect_to && h('p', {}, 'It leads to ', code(attempt.redirect_to)),
    attempt.response_body && h('details', {}, h('summary', {}, 'Response body'),
      box(attempt.response_body, `Response body of attempt ${attempt.number}`)));
}

/** @param {number} milliseconds */
const duration = (milliseconds) => (milliseconds < 1000
  ? `${milliseconds} ms` : `${(milliseconds / 1000).toFixed(1)} s`);
