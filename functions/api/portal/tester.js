/** @import { Child, Delivery, EventType, Webhook } from './types' */
/** @import { DeliveryLog } from './deliveries' */
import { call } from './api.js';
import { button, code, h, newId, theirs } from './dom.js';
import { attempt, outcome } from './outcome.js';
import { pathOf, pill } from './parts.js';
import { sentence } from './words.js';

// Sending a test event, and watching it arrive.

/**
 * @param {Webhook} webhook
 * @param {EventType[]} types
 * @param {DeliveryLog} log
 * @returns {HTMLElement & {clear(): void, send(): void}} `clear` takes back what it said last
 */
export function testerCard(webhook, types, log) {
  const line = outcome();
  const select = h('select', { id: newId('test') }, choices(webhook, types));
  const sendIt = button('Send test event', () => attempt(sendIt, 'Sending…', line, async () => {
    const event = select.value;
    const answer = await call('POST', pathOf(webhook.id, 'test'), { body: { event } });
    line.say('Sent: waiting for your endpoint to answer…');
    await log.follow(answer.event_id, (delivery) => line.say(...progress(webhook, delivery)));
  }), '.primary');
  const card = h('section.card', { 'aria-labelledby': 'tester' },
    h('h2', { id: 'tester' }, 'Send a test event'),
    h('p.hint', {}, 'Sends sample data to this webhook only, in the same way as a real event, with the header ', code('webhook-test: true'), '.'),
    h('div.inline', {}, h('div.field', {}, h('label', { for: select.id }, 'Event'), select), sendIt),
    line);
  return Object.assign(card, {
    clear: line.clear,
    send: () => {
      sendIt.focus();
      sendIt.click();
    },
  });
}

/**
 * @param {Webhook} webhook
 * @param {EventType[]} types
 */
function choices(webhook, types) {
  const subscribed = types.filter(({ name }) => webhook.events.includes(name));
  const others = types.filter(({ name }) => !webhook.events.includes(name));
  return [optionsOf('This webhook’s events', subscribed), optionsOf('Other events', others)];
}

/**
 * @param {string} label
 * @param {EventType[]} types
 */
function optionsOf(label, types) {
  return types.length > 0 && h('optgroup', { label }, types.map(({ name }) => h('option', { value: name }, name)));
}

/**
 * @param {Webhook} webhook
 * @param {Delivery} delivery
 * @returns {Child[]}
 */
function progress(webhook, delivery) {
  const last = delivery.attempts.at(-1);
  const more = h('a', { href: `#/${webhook.id}/deliveries/${delivery.event_id}` }, 'See the delivery');
  const said = {
    pending: ['Sent: waiting for your endpoint to answer…'],
    delivered: [`Your endpoint answered 200 in ${last?.duration_ms} ms.`],
    retrying: [theirs(sentence(last?.error ?? 'It failed')), ' It is being retried.'],
    failed: [theirs(sentence(last?.error ?? 'It failed')), ' No retry is left.'],
    cancelled: ['It was cancelled: the webhook is disabled.'],
  };
  return [pill(delivery.status), ' ', h('span', {}, said[delivery.status]), ' ', more];
}
