/** @import { Webhook } from './types' */
import { confirmDialog } from './dialog.js';
import { announce, button, h, theirs } from './dom.js';
import { attempt, outcome } from './outcome.js';
import { change } from './parts.js';
import { isStored, Refused, statusOf } from './refused.js';
import { renameTo, show } from './router.js';

// What can be done to a whole webhook: enable, disable, delete.

/**
 * @typedef {object} Handlers
 * @property {() => Webhook} current the webhook as shown
 * @property {() => Promise<void>} reread asks for it again and shows it
 * @property {(webhook: Webhook) => void} changed shows the given one
 * @property {AbortSignal} signal aborted when the reader leaves the view
 */

/**
 * @param {Handlers} handlers
 * @returns {[HTMLElement, HTMLElement]} buttons, and a line for what came of them
 */
export function webhookActions(handlers) {
  const { current, changed } = handlers;
  const webhook = current();
  const enabled = webhook.status !== 'disabled';
  const line = outcome();
  const work = switching(handlers, !enabled);
  /** @returns {Promise<void>} */
  const enable = () => attempt(toggle, 'Enabling…', line, async () => {
    const answer = await work();
    announce('The webhook is active');
    changed(answer);
  });
  const toggle = enabled
    ? button('Disable', () => disableDialog(work, changed)) : button('Enable', enable);
  const remove = button('Delete', () => deleteDialog(handlers), '.danger-quiet');
  toggle.dataset.action = 'toggle';
  remove.dataset.action = 'delete';
  return [h('div.buttons', {}, h('a.button', { href: `#/${webhook.id}/edit`, 'data-action': 'edit' }, 'Edit'),
    toggle, remove), line];
}

/**
 * Enables or disables. What is stored and not finished is finished by the next call, which needs no particular version.
 *
 * @param {Handlers} handlers
 * @param {boolean} enabled
 * @returns {() => Promise<Webhook>}
 */
function switching({ current, reread }, enabled) {
  let stored = false;
  return () => unlessChanged(reread, () => change('PATCH', stored ? { ...current() } : current(), { enabled }).catch((error) => {
    if (!isStored(error)) throw error;
    stored = true;
    throw new Refused(503, 'It was stored. Press once more to finish.');
  }));
}

/**
 * @param {() => Promise<Webhook>} work
 * @param {Handlers['changed']} changed
 */
function disableDialog(work, changed) {
  confirmDialog({
    title: 'Disable this webhook?',
    text: ['Nothing is sent while it is disabled: retries under way are cancelled, and what happens meanwhile is not '
      + 'sent later. You can enable it again at any time.'],
    label: 'Disable',
    busyLabel: 'Disabling…',
    work,
    then: (answer) => {
      announce('The webhook is disabled');
      changed(answer);
    },
  });
}

/** @param {Handlers} handlers */
function deleteDialog({ current, reread, signal }) {
  confirmDialog({
    title: 'Delete this webhook?',
    text: [
      h('strong', {}, theirs(current().name)),
      'Its secret and its delivery log are lost, and deliveries under way are cancelled. This cannot be undone.',
    ],
    label: 'Delete webhook',
    busyLabel: 'Deleting…',
    danger: true,
    work: () => unlessChanged(reread, () => change('DELETE', current())),
    then: () => {
      announce('The webhook is deleted');
      if (signal.aborted) return;
      renameTo('#/');
      show();
    },
  });
}

/**
 * When somebody else was quicker, shows what it is now; confirming again then means that.
 *
 * @template Done
 * @param {() => Promise<void>} reread
 * @param {() => Promise<Done>} work
 */
async function unlessChanged(reread, work) {
  try {
    return await work();
  } catch (error) {
    if (statusOf(error) !== 412) throw error;
    await reread();
    throw new Refused(412, 'Somebody else changed this webhook. It is now shown as it is: look at it, then try again.');
  }
}
