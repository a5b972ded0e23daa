/** @import { Webhook } from './types' */
import { call } from './api.js';
import { announce, h, newId, theirs } from './dom.js';
import { finder } from './find.js';
import { heading, loading } from './frame.js';
import { testAddressButton } from './inbox.js';
import { keepFresh, updateRows } from './live.js';
import { mailsButton } from './mails.js';
import { pill } from './parts.js';
import { sparks } from './sparks.js';
import { timeOf } from './time.js';
import { sentence } from './words.js';

// All webhooks at a glance.

const { compare: byName } = new Intl.Collator(undefined, { numeric: true }); // Branch 2 before Branch 10
const FEW = 10; // need no search

/**
 * @param {HTMLElement} place
 * @param {AbortSignal} signal
 */
export async function listView(place, signal) {
  const list = h('ul.rows', { 'aria-label': 'Webhooks' });
  const none = h('p.nothing', { hidden: true }, 'No webhook matches.');
  const card = h('div.card.flush', {}, list, none);
  const body = h('div.list', {}, loading('webhooks'));
  const address = testAddressButton(signal);
  const mails = mailsButton(signal);
  place.append(h('div.title', {}, heading('Webhooks'),
    h('div.buttons', {}, address.pressed, mails && mails.pressed, h('a.button.primary', { href: '#/new' }, 'New Webhook'))), address.line, ...(mails ? [mails.line] : []),
    h('p.lead', {}, 'Webhooks notify your server as soon as something happens in AIsoule.'), body);

  /** @type {Webhook[]} */
  let webhooks = [];
  const charts = sparks(signal);
  const search = searchField(() => {
    paint();
    announce(`${list.children.length} of ${webhooks.length} webhooks`);
  });

  function paint() {
    const wanted = search.hidden ? '' : search.input.value.trim().toLowerCase();
    const found = webhooks.filter(({ name, url, events }) => [name, url, ...events].join(' ').toLowerCase().includes(wanted));
    updateRows(list, found, ({ id }) => id, (webhook) => webhookRow(webhook, charts.chartOf(webhook)));
    none.hidden = found.length > 0;
  }

  /** Whether something changed. */
  async function load() {
    const before = JSON.stringify(webhooks);
    const fresh = await allWebhooks(signal);
    charts.refresh();
    if (signal.aborted || (JSON.stringify(fresh) === before && body.contains(card))) return false;
    webhooks = fresh;
    search.hidden = webhooks.length <= FEW;
    paint();
    if (!webhooks.length) body.replaceChildren(emptyState(), finder());
    else if (!body.contains(card)) body.replaceChildren(finder(), search, card); // else the focus in it would be lost
    return true;
  }

  await load();
  keepFresh(signal, load, () => 'slowly')();
}

/**
 * Of every page: failing ones first, then by name.
 *
 * @param {AbortSignal} signal
 */
async function allWebhooks(signal) {
  /** @type {Webhook[]} */
  const all = [];
  /** @type {string | null} */
  let cursor = null;
  do {
    /** @type {{data: Webhook[], next_cursor: string | null}} */
    const page = await call('GET', `webhooks?limit=100${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`, { signal });
    all.push(...page.data);
    cursor = page.next_cursor;
  } while (cursor);
  return all.sort((a, b) => (
    Number(b.status === 'failing') - Number(a.status === 'failing') || byName(a.name, b.name) || a.id.localeCompare(b.id)));
}

/** @param {() => void} changed */
function searchField(changed) {
  const id = newId('search');
  const input = h('input', { id, type: 'search', autocomplete: 'off', spellcheck: 'false', oninput: changed });
  return Object.assign(h('div.field.search', {}, h('label', { for: id }, 'Search'), input), { input });
}

/**
 * @param {Webhook} webhook
 * @param {HTMLElement} chart
 */
function webhookRow(webhook, chart) {
  return h('li', {}, h('a.row', { href: `#/${webhook.id}` },
    h('span.what', {},
      h('strong.name', {}, theirs(webhook.name)),
      h('span.url.clamp', {}, theirs(webhook.url, 'ltr')),
      h('span.hint', {}, eventsInShort(webhook.events)),
      webhook.status === 'failing' && h('span.why', {},
        theirs(sentence(webhook.failing_reason ?? 'Failing')), ' Since ', timeOf(String(webhook.failing_since)))),
    chart, pill(webhook.status)));
}

/** @param {string[]} events */
function eventsInShort(events) {
  const shown = events.slice(0, 3).join(', ');
  return events.length > 3 ? `${shown} and ${events.length - 3} more` : shown;
}

function emptyState() {
  const steps = [
    ['Something happens', 'A message arrives, a contact changes, a campaign finishes.'],
    ['We POST it to your URL', 'As JSON, at once, signed with a secret that only you and we know.'],
    ['Your server answers 200', 'If it does not within 5 seconds, we retry it, and show you why it failed.'],
  ];
  return h('section.card.empty', { 'aria-labelledby': 'empty' },
    h('h2', { id: 'empty' }, 'No webhooks yet'),
    h('p', {}, 'A webhook is a URL of yours that we call when something happens, so that you need not keep asking.'),
    h('ol.steps', {}, steps.map(([title, text]) => h('li', {}, h('strong', {}, title), h('span', {}, text)))),
    h('a.button', { href: '#/new' }, 'Create your first webhook'));
}
