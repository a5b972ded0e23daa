/** @import { Webhook } from './types' */
/** @import { Handlers } from './actions' */
import { webhookActions } from './actions.js';
import { failingBanner } from './advice.js';
import { catchUpBanner } from './catch_up.js';
import { deliveryLog } from './deliveries.js';
import { announce, button, code, fill, h, refill, theirs } from './dom.js';
import { crumbs, heading, loading } from './frame.js';
import { inboxCard } from './inbox.js';
import { onReturn } from './live.js';
import { outageCounts } from './outage.js';
import { chips, eventTypes, facts, pill, webhookOf } from './parts.js';
import { statusOf } from './refused.js';
import { show } from './router.js';
import { savedBanner, takeSaved } from './saved.js';
import { secretCard } from './secret.js';
import { statsCard } from './stats.js';
import { testerCard } from './tester.js';
import { timeOf } from './time.js';

// One webhook: how it is, a test, what was delivered.

const SHORT_URL = 140; // a longer one may be cut off in the title

/**
 * @param {HTMLElement} place
 * @param {AbortSignal} signal
 * @param {string} id
 */
export async function webhookView(place, signal, id) {
  crumbs([id]);
  const saved = takeSaved(id);
  place.append(loading('the webhook'));
  const [first, types] = await Promise.all([webhookOf(id, signal), eventTypes(signal)]);
  if (signal.aborted) return;
  let webhook = first;
  const top = h('div.top-of-webhook');
  const details = h('section.card', { 'aria-labelledby': 'details' });
  const log = deliveryLog(() => webhook, types, signal, reread);
  const counts = outageCounts(() => webhook, signal);
  const catchUp = catchUpBanner(() => webhook, signal);
  const tester = testerCard(webhook, types, log);
  const stats = statsCard(webhook, signal);
  const inbox = webhook.test_address && inboxCard(webhook, signal);

  function paint() {
    crumbs([webhook.name]);
    const testIt = button('Send a test', tester.send);
    const resend = button('Resend what failed…', log.recover);
    testIt.dataset.action = 'test';
    resend.dataset.action = 'resend';
    refill(top, ...header(webhook, { current: () => webhook, reread, changed, signal }),
      failingBanner(webhook, log.latestFailure(), counts.place, h('div.buttons', {}, testIt, resend)));
    fill(details, h('h2', { id: 'details' }, 'Details'), detailsOf(webhook));
  }

  /** @param {Webhook} fresh */
  function changed(fresh) {
    if (signal.aborted) return;
    if (fresh.status !== webhook.status) {
      announce(`The webhook is ${fresh.status}`);
      if (webhook.status === 'disabled') tester.clear(); // it may say that the webhook has to be enabled
    }
    const same = JSON.stringify(fresh) === JSON.stringify(webhook);
    webhook = fresh;
    if (!same) {
      paint();
      catchUp.look();
      counts.look();
    }
  }

  async function reread() {
    stats.reload();
    changed(await webhookOf(id, signal));
  }

  paint();
  const banner = savedBanner(saved, webhook.status !== 'disabled' && h('div.buttons', {}, button('Send a test now', tester.send)));
  place.replaceChildren(...(banner ? [banner] : []), top, catchUp.place, h('div.columns', {},
    h('div.wide', {}, tester, inbox, log.card),
    h('div.aside', {}, stats.card, details, secretCard(() => webhook, signal, reread))));
  onReturn(signal, () => reread().catch((error) => { if (statusOf(error) === 404) show(); }));
  catchUp.look();
  counts.look();
  await log.start();
  if (signal.aborted) return;
  if (saved?.test) tester.send();
  if (webhook.status === 'failing') paint(); // the log knows more about it
}

/**
 * @param {Webhook} webhook
 * @param {Handlers} handlers
 */
function header(webhook, handlers) {
  const [buttons, line] = webhookActions(handlers);
  return [
    h('div.title', {}, h('div.grow', {},
      heading(webhook.name, ' ', pill(webhook.status)),
      h('p.url.clamp', {}, theirs(webhook.url, 'ltr'))), buttons),
    line,
    webhook.status === 'disabled' && h('section.banner.off', { 'aria-label': 'Disabled' },
      h('h2', {}, 'This webhook is disabled'),
      webhook.disabled_reason && h('p', {}, h('strong', {}, `Your server ${webhook.disabled_reason}.`),
        ' Since ', timeOf(String(webhook.disabled_at)), '.'),
      h('p', {}, 'Nothing is sent to it. Enable it to send what happens from then on.')),
  ];
}

/** @param {Webhook} webhook */
function detailsOf(webhook) {
  const headers = Object.entries(webhook.headers);
  return facts(
    ['URL', webhook.url.length > SHORT_URL && code(webhook.url)],
    ['Events', chips(webhook.events)],
    ['WhatsApp accounts', webhook.whatsapp_account_ids.length > 0 && chips(webhook.whatsapp_account_ids)],
    ['Headers', headers.length > 0 && h('ul.plain', {}, headers.map(([name, mask]) => (
      h('li', {}, code(name), ' ', h('span.hint', {}, mask)))))],
    ['Pace', webhook.max_per_second && `${webhook.max_per_second} per second at most`],
    ['After an outage', webhook.catch_up && 'Failed deliveries are resent automatically'],
    ['Created', timeOf(webhook.created_at)],
    ['Changed', webhook.updated_at !== webhook.created_at && timeOf(webhook.updated_at)],
    ['Id', code(webhook.id)],
  );
}
