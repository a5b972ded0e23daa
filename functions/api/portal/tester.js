'use strict';

// Sending a test event, and watching it arrive.

function testerCard(webhook, types, log) {
  const line = outcome();
  const select = h('select', { id: newId('test') }, ...choices(webhook, types));
  const sendIt = button('Send test event', () => attempt(sendIt, 'Sending…', line, async () => {
    const event = select.value;
    const answer = await call('POST', path(webhook.id, 'test'), { body: { event } });
    line.say('Sent: waiting for your endpoint to answer…');
    await log.follow(answer.event_id, (delivery) => line.say(...progress(webhook, delivery)));
  }), '.primary');
  return h('section.card', { 'aria-labelledby': 'tester' },
    h('h2', { id: 'tester' }, 'Send a test event'),
    h('p.hint', {}, "Its example is sent to this webhook only, in the same way as a real event."),
    h('div.inline', {}, h('div.field', {}, h('label', { for: select.id }, 'Event'), select), sendIt),
    line);
}

function choices(webhook, types) {
  const option = ({ name }) => h('option', { value: name }, name);
  const subscribed = types.filter(({ name }) => webhook.events.includes(name));
  const others = types.filter(({ name }) => !webhook.events.includes(name));
  return [['This webhook’s events', subscribed], ['Other events', others]]
    .filter(([, some]) => some.length)
    .map(([label, some]) => h('optgroup', { label }, ...some.map(option)));
}

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
  return [pill(delivery.status), ' ', h('span', {}, ...said[delivery.status]), ' ', more];
}
