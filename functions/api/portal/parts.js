/** @import { Child, EventType, Webhook } from './types' */
import { call, etagOf } from './api.js';
import { code, h } from './dom.js';
import { capital } from './words.js';

// What several views show and ask for.

/** @type {Record<string, string>} */
const LOOK = {
  active: 'good', delivered: 'good',
  failing: 'bad', failed: 'bad',
  pending: 'wait', retrying: 'wait',
  disabled: 'off', cancelled: 'off',
};

/**
 * A status in words and, beside them, in colour.
 *
 * @param {string} status
 */
export const pill = (status) => h(`span.pill.${LOOK[status] ?? 'off'}`, {}, capital(status));

export const testBadge = () => h('span.badge', {}, 'Test');

/**
 * Terms and what they are; a missing one is left out.
 *
 * @param {...[string, Child]} pairs
 */
export function facts(...pairs) {
  return h('dl.facts', {}, pairs.filter(([, what]) => what).map(([term, what]) => (
    h('div', {}, h('dt', {}, term), h('dd', {}, what)))));
}

/** @param {string[]} names */
export const chips = (names) => h('ul.chips', {}, names.map((name) => h('li', {}, code(name))));

/**
 * Text that may be long or hostile, in a box that scrolls and that the keyboard reaches.
 *
 * @param {string} text
 * @param {string} label
 */
export function box(text, label) {
  return h('pre.box', { tabindex: '0', role: 'group', 'aria-label': label, dir: 'auto' }, text);
}

/** @type {EventType[] | undefined} */
let typesKept;

/**
 * The event types, asked for once.
 *
 * @param {AbortSignal} signal
 * @returns {Promise<EventType[]>}
 */
export async function eventTypes(signal) {
  typesKept ??= (await call('GET', 'event-types', { signal })).data;
  return typesKept ?? [];
}

/**
 * @param {string} id of a webhook
 * @param {...string} more
 */
export const pathOf = (id, ...more) => ['webhooks', id, ...more].map(encodeURIComponent).join('/');

/**
 * @param {string} id
 * @param {AbortSignal} [signal]
 * @returns {Promise<Webhook>}
 */
export const webhookOf = (id, signal) => call('GET', pathOf(id), { signal });

/**
 * As `call`, but only if the webhook is still as it was shown.
 *
 * @param {'PATCH' | 'DELETE'} method
 * @param {Webhook} webhook
 * @param {unknown} [body]
 * @returns {Promise<any>}
 */
export const change = (method, webhook, body) => call(method, pathOf(webhook.id), { body, etag: etagOf(webhook) });
