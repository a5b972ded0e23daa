'use strict';

// All webhooks at a glance.

async function listView(place, signal) {
  const list = h('ul.rows', { 'aria-label': 'Webhooks' });
  const body = h('div', {}, loading('webhooks'));
  place.append(h('div.title', {}, heading('Webhooks'),
    h('a.button.primary', { href: '#/new' }, 'New Webhook')),
    h('p.lead', {}, 'We tell your own servers at once when something happens in AIsoule.'), body);

  async function load() {
    const webhooks = await allWebhooks(signal);
    if (signal.aborted) return;
    body.replaceChildren(webhooks.length ? h('div.card.flush', {}, list) : emptyState());
    updateRows(list, webhooks, ({ id }) => id, webhookRow);
  }

  await load();
  onReturn(signal, () => load().catch(() => {})); // what is shown stays; the next look asks again
}

/** Of every page, by name. */
async function allWebhooks(signal) {
  const all = [];
  let cursor = null;
  do {
    const page = await call('GET', `webhooks?limit=100${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`, { signal });
    all.push(...page.data);
    cursor = page.next_cursor;
  } while (cursor);
  return all.sort((a, b) => a.name.localeCompare(b.name) || a.id.localeCompare(b.id));
}

function webhookRow(webhook) {
  return h('li', {}, h('a.row', { href: `#/${webhook.id}` },
    h('span.what', {},
      h('strong.name', {}, theirs(webhook.name)),
      h('span.url.clamp', {}, theirs(webhook.url, 'ltr')),
      h('span.hint', {}, eventsInShort(webhook.events)),
      webhook.status === 'failing' && h('span.why', {},
        theirs(sentence(webhook.failing_reason ?? 'Failing')), ' Since ', timeOf(webhook.failing_since))),
    pill(webhook.status)));
}

function eventsInShort(events) {
  const shown = events.slice(0, 3).join(', ');
  return events.length > 3 ? `${shown} and ${events.length - 3} more` : shown;
}

function emptyState() {
  const steps = [
    ['Something happens', 'A message arrives, a contact changes, a campaign finishes.'],
    ['We POST it to your URL', 'As JSON, at once, signed with a secret that only you and we know.'],
    ['Your server answers 200', 'If it does not within 5 seconds, we try three more times and show you why it failed.'],
  ];
  return h('section.card.empty', { 'aria-labelledby': 'empty' },
    h('h2', { id: 'empty' }, 'No webhooks yet'),
    h('p', {}, 'A webhook is a URL of yours that we call when something happens, so that you need not keep asking.'),
    h('ol.steps', {}, ...steps.map(([title, text]) => h('li', {}, h('strong', {}, title), h('span', {}, text)))),
    h('a.button', { href: '#/new' }, 'Create your first webhook'));
}
