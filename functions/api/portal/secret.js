'use strict';

// The signing secret: shown once after creation, revealed when asked for, rotated.

const fresh = new Map();

/** For the view that shows it next; it is not written anywhere. */
const keepSecret = (id, secret) => fresh.set(id, secret);
const forgetSecrets = () => fresh.clear();

async function secretView(place, signal, id) {
  crumbs([id, `#/${id}`], ['Signing secret']);
  const secret = fresh.get(id);
  forgetSecrets();
  place.append(heading(secret ? 'Your webhook is ready' : 'Signing secret'), loading('the webhook'));
  const webhook = await webhookOf(id, signal);
  if (signal.aborted) return;
  crumbs([webhook.name, `#/${id}`], ['Signing secret']);
  place.lastChild.replaceWith(
    secretCard(webhook, secret),
    snippets(),
    h('div.buttons', {}, h('a.button.primary', { href: `#/${id}` }, secret ? 'Continue to the webhook' : 'Back to the webhook')));
}

/** With the secret if it is known, else with a button that asks for it. */
function secretCard(webhook, secret) {
  const line = outcome();
  const place = h('div.secret', {});
  const showSecret = (value, ...more) => place.replaceChildren(
    h('div.secret-value', {}, h('code', { 'data-secret': '' }, value), copyButton(value, 'the secret')), ...more);
  const reveal = button('Reveal', () => attempt(reveal, 'Revealing…', line, async () => {
    showSecret((await call('GET', path(webhook.id, 'secret'))).secret, button('Hide', hide, '.small'));
    announce('The secret is shown');
  }), '.small');
  const hide = () => {
    masked();
    reveal.focus();
  };
  const masked = () => place.replaceChildren(
    h('div.hidden-secret', {}, h('span.masked', { 'aria-hidden': 'true' }, '••••••••••••'), reveal));
  if (secret) showSecret(secret, h('p', {}, 'Copy it to your server now. It is not shown again unless you reveal it.'));
  else masked();
  return h('section.card', { 'aria-label': 'Signing secret' },
    h('h2', {}, 'Secret for signatures'),
    h('p.hint', {}, 'Proves to your server that a request is from us.'),
    place, line,
    !secret && h('div.buttons', {}, button('Rotate…', () => rotateDialog(webhook, (value, until) => {
      showSecret(value, h('p', {}, ...(until
        ? ['This is the new secret. The old one signs too until ', timeOf(until), '.']
        : ['This is the new secret. The old one no longer signs anything.'])));
    }), '.small'), !location.hash.endsWith('/secret') && h('a', { href: `#/${webhook.id}/secret` }, 'How to verify')));
}

const OVERLAPS = [[0, 'Revoke it now'], [3600, 'For 1 hour'], [86400, 'For 24 hours'], [604800, 'For 7 days']];

function rotateDialog(webhook, rotated) {
  const line = outcome();
  const choices = OVERLAPS.map(([seconds, label]) => h('label.check', {},
    h('input', { type: 'radio', name: 'overlap', value: seconds, checked: seconds === 86400 }), h('span', {}, label)));
  const rotate = button('Rotate the secret', () => attempt(rotate, 'Rotating…', line, async () => {
    const seconds = Number(dialog.querySelector('input:checked').value);
    const answer = await call('POST', path(webhook.id, 'secret', 'rotate'), { body: { overlap_seconds: seconds } });
    dialog.close();
    rotated(answer.secret, answer.previous_expires_at);
    announce('The secret was rotated; the new one is shown');
  }), '.primary');
  const dialog = openDialog('Rotate the secret',
    h('p', {}, 'A new secret signs from the next request on.'),
    h('fieldset.field', {}, h('legend', {}, 'How long should the old one sign, too?'), ...choices),
    h('p.hint', {}, 'The overlap is for ', code('webhook-signature'), ', which can carry both signatures. ',
      code('X-Webhook-Signature'), ' has room for one and changes at once.'),
    line, h('div.buttons', {}, rotate, button('Cancel', () => dialog.close())));
}
