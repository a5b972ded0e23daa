'use strict';

// One webhook: how it is, a test, what was delivered.

const SHORT_URL = 140; // a longer one may be cut off in the title

async function webhookView(place, signal, id) {
  crumbs([id]);
  place.append(loading('the webhook'));
  const [first, types] = await Promise.all([webhookOf(id, signal), eventTypes(signal)]);
  if (signal.aborted) return;
  let webhook = first;
  const top = h('div.top-of-webhook', {});
  const details = h('section.card', { 'aria-labelledby': 'details' });
  const log = deliveryLog(() => webhook, types, signal, reread);

  function paint() {
    const action = top.contains(document.activeElement) && document.activeElement.dataset.action;
    crumbs([webhook.name]);
    top.replaceChildren(...header(webhook, { current: () => webhook, reread, changed }));
    details.replaceChildren(h('h2', { id: 'details' }, 'Details'), ...detailsOf(webhook));
    if (action) top.querySelector(`[data-action=${action}]`)?.focus();
  }

  function changed(fresh) {
    if (fresh.status !== webhook.status) announce(`The webhook is ${fresh.status}`);
    const same = JSON.stringify(fresh) === JSON.stringify(webhook);
    webhook = fresh;
    if (!same) paint();
  }

  async function reread() {
    changed(await webhookOf(id, signal));
  }

  paint();
  place.replaceChildren(top, h('div.columns', {},
    h('div.wide', {}, testerCard(webhook, types, log), log.card),
    h('div.aside', {}, details, secretCard(webhook))));
  onReturn(signal, () => reread().catch((error) => { if (error.status === 404) show(); }));
  await log.restart();
}

function header(webhook, handlers) {
  const [buttons, line] = webhookActions(handlers);
  return [
    h('div.title', {}, h('div.grow', {},
      heading(webhook.name, ' ', pill(webhook.status)),
      h('p.url.clamp', {}, theirs(webhook.url, 'ltr'))), buttons),
    line,
    failingBanner(webhook),
    webhook.status === 'disabled' && h('section.banner.off', { 'aria-label': 'Disabled' },
      h('h2', {}, 'This webhook is disabled'),
      h('p', {}, 'Nothing is sent to it. Enable it to send what happens from then on.')),
  ].filter(Boolean);
}

function detailsOf(webhook) {
  const names = Object.keys(webhook.headers);
  return [facts(
    ['URL', webhook.url.length > SHORT_URL && code(webhook.url)],
    ['Events', chips(webhook.events)],
    ['Headers', names.length > 0 && h('ul.plain', {}, ...names.map((name) => (
      h('li', {}, code(name), ' ', h('span.hint', {}, webhook.headers[name])))))],
    ['Created', timeOf(webhook.created_at)],
    ['Changed', webhook.updated_at !== webhook.created_at && timeOf(webhook.updated_at)],
    ['Id', code(webhook.id)],
  )];
}
