'use strict';

// What several views show.

const LOOK = {
  active: 'good', delivered: 'good',
  failing: 'bad', failed: 'bad',
  pending: 'wait', retrying: 'wait',
  disabled: 'off', cancelled: 'off',
};

/** A status in words and, beside them, in colour. */
const pill = (status) => h(`span.pill.${LOOK[status] ?? 'off'}`, {}, capital(status));

const testBadge = () => h('span.badge', {}, 'Test');

/** Terms and what they are; a missing one is left out. */
function facts(...pairs) {
  return h('dl.facts', {}, ...pairs.filter(([, what]) => what).map(([term, what]) => (
    h('div', {}, h('dt', {}, term), h('dd', {}, what)))));
}

const chips = (names) => h('ul.chips', {}, ...names.map((name) => h('li', {}, code(name))));

/** Text that may be long or hostile, in a box that scrolls and that the keyboard reaches. */
function box(text, label) {
  return h('pre.box', { tabindex: '0', role: 'group', 'aria-label': label, dir: 'auto' }, text);
}

const typesKept = {};

/** The event types, asked for once. */
async function eventTypes(signal) {
  typesKept.data ??= (await call('GET', 'event-types', { signal })).data;
  return typesKept.data;
}

const path = (id, ...more) => ['webhooks', id, ...more].map(encodeURIComponent).join('/');

const webhookOf = (id, signal) => call('GET', path(id), { signal });

/** As `call` with PATCH or DELETE, but only if the webhook is still as it was shown. */
const change = (method, webhook, body) => call(method, path(webhook.id), { body, etag: etags.get(webhook) });

/** Why it fails, since when, and what to do about it. */
function failingBanner(webhook) {
  if (webhook.status !== 'failing') return null;
  return h('section.banner.bad', { 'aria-label': 'Failing' },
    h('h2', {}, 'This endpoint is failing'),
    h('p', {}, h('strong', {}, theirs(sentence(webhook.failing_reason ?? 'No reason is known'))),
      ' Since ', timeOf(webhook.failing_since), ', when the last retry of an event had failed.'),
    h('p', {}, nextStep(webhook.failing_reason ?? '')),
    h('p', {}, 'New events are still sent. With the first 200 the webhook is active again; then recover what failed.'));
}

/** What to look at, by what the log says of a failed attempt. */
function nextStep(reason) {
  const steps = [
    [/answered 3\d\d/, 'Next step: enter the address that the redirect leads to; redirects are not followed.'],
    [/answered 40[13]/, 'Next step: let our requests in. Check what your server or firewall wants, such as a header.'],
    [/answered (404|405|410)/, 'Next step: check the URL; your server knows no POST at this path.'],
    [/answered 5\d\d/, "Next step: look into your server's own log at that time; it ran into an error."],
    [/answered 2\d\d/, 'Next step: answer with exactly 200.'],
    [/answered/, 'Next step: answer with 200 as soon as the request is verified.'],
    [/no answer/, 'Next step: answer within 5 seconds: queue the event first, and work on it after the answer.'],
    [/certificate|TLS/, 'Next step: mend the certificate of your server, with all intermediate certificates.'],
    [/resolve|looked up/, 'Next step: check the host name in the URL and its DNS records.'],
    [/not public/, 'Next step: use a host name that leads to a public address.'],
  ];
  const found = steps.find(([pattern]) => pattern.test(reason));
  return found ? found[1] : 'Next step: check that your server runs and can be reached, then send a test event.';
}
