/** @import { Attempt, Child, Stats, Webhook } from './types' */
import { h, theirs } from './dom.js';
import { timeOf } from './time.js';
import { sentence } from './words.js';

// What to do about an endpoint that fails, by the code of its attempts.

const NEXT_STEPS = new Map(Object.entries({
  timeout: 'answer within 5 seconds: put the event into a queue of your own, answer 200, and work on it afterwards.',
  connect_timeout: 'check the host name and the port in the URL, and that your firewall lets our requests in.',
  dns: 'check the host name in the URL and its DNS records.',
  connection_refused: 'check that your server is running, and listens at the port in the URL.',
  connection_closed: "look at your server's or proxy's own log: it closed the connection before it had answered.",
  connection_failed: 'check that your server can be reached from the internet, then send a test event.',
  tls_certificate: "fix your server's certificate: valid today, for this host name, and sent with all intermediate certificates.",
  tls_handshake: "check your server's TLS settings: it has to accept TLS 1.2 or 1.3.",
  tls_not_spoken: 'your server does not speak https at this port. Turn TLS on there, or enter a URL with the port at which it does.',
  address_not_public: 'use a host name that leads to a public address.',
  address_ipv6_only: 'add an A record: we reach endpoints over IPv4, and the host name has IPv6 addresses only.',
  url_not_allowed: 'edit the webhook, and enter a URL that is allowed.',
  protocol: 'check that a web server answers at this URL: with HTTP/1.1, and headers that are not too large.',
  not_attempted: 'there is nothing for you to fix. The fault was ours: retry the delivery.',
}));

/**
 * The next step for a failed attempt. Null for a code that is not known: then its words have to be enough.
 *
 * @param {string | null} code
 * @param {number | null} [status] the one answered, if it is known
 */
export function nextStep(code, status = null) {
  const step = code === 'status' ? nextStepFor(status) : NEXT_STEPS.get(code ?? '');
  return step ? `Next step: ${step}` : null;
}

/** @param {number | null} status */
function nextStepFor(status) {
  if (status === null) return 'answer with exactly 200. A failed delivery shows what your server answered.';
  if (status === 401 || status === 403) return 'let our requests in: check how your server verifies the signature, and what it or a firewall asks for.';
  if (status === 404 || status === 405 || status === 410) return 'check the URL: your server does not accept POST at this path.';
  if (status >= 500) return "look at your server's own log of that time: it ran into an error.";
  if (status >= 300 && status < 400) return 'enter the URL that the redirect leads to: redirects are not followed.';
  if (status > 200 && status < 300) return 'answer with exactly 200.';
  return 'answer with 200 as soon as the request is verified.';
}

/**
 * Why the webhook fails, since when, and the next step.
 *
 * @param {Webhook} webhook
 * @param {Attempt | undefined} latest the log's latest failed attempt
 * @param {...Child} more what else the banner shows
 */
export function failingBanner(webhook, latest, ...more) {
  if (webhook.status !== 'failing') return null;
  const status = latest && latest.error_code === webhook.failing_code ? latest.status_code : null;
  const step = nextStep(webhook.failing_code, status);
  const event = webhook.failing_event_id;
  return h('section.banner.bad', { 'aria-label': 'Failing' },
    h('h2', {}, 'This endpoint is failing'),
    h('p', {}, h('strong', {}, theirs(sentence(webhook.failing_reason ?? 'No reason is known'))),
      ' Since ', timeOf(String(webhook.failing_since)), ', when the last retry of ',
      event ? h('a', { href: `#/${webhook.id}/deliveries/${event}`, 'data-action': 'failed' }, 'an event') : 'an event', ' had failed.'),
    step && h('p', {}, step),
    h('p', {}, 'New events are still sent. It becomes active when your server answers 200. ',
      webhook.catch_up ? 'Failed deliveries are then resent automatically.' : 'Then resend what failed.'),
    ...more);
}

/**
 * How deliveries ended; "at least" if there are more than the API counts.
 *
 * @param {Pick<Stats, 'delivered' | 'failed' | 'complete' | 'since'>} stats
 * @param {string} since the time from which on they were to be counted
 */
export function howTheyEnded({ delivered, failed, complete, since: counted }, since) {
  const all = complete && Date.parse(counted) <= Date.parse(since);
  return `${all ? '' : 'at least '}${failed} failed and ${delivered} ${delivered === 1 ? 'was' : 'were'} delivered`;
}
