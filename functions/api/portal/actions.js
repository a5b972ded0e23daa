'use strict';

// What can be done to a whole webhook: enable, disable, delete.

/** `current()` is the webhook as shown; `reread()` shows it anew; `changed(webhook)` shows the given one. */
function webhookActions({ current, reread, changed }) {
  const webhook = current();
  const enabled = webhook.status !== 'disabled';
  const line = outcome();
  const toggle = button(enabled ? 'Disable' : 'Enable', () => {
    if (enabled) disableDialog(current, reread, changed);
    else attempt(toggle, 'Enabling…', line, async () => {
      const answer = await unlessChanged(reread, () => change('PATCH', current(), { enabled: true }));
      announce('The webhook is active');
      changed(answer);
    });
  });
  const remove = button('Delete', () => deleteDialog(current, reread), '.danger-quiet');
  toggle.dataset.action = 'toggle';
  remove.dataset.action = 'delete';
  return [h('div.buttons', {}, h('a.button', { href: `#/${webhook.id}/edit`, 'data-action': 'edit' }, 'Edit'),
    toggle, remove), line];
}

function disableDialog(current, reread, changed) {
  confirmDialog({
    title: 'Disable this webhook?',
    text: ['Nothing is sent while it is disabled: retries under way are cancelled, and what happens meanwhile is not '
      + 'sent later. You can enable it again at any time.'],
    label: 'Disable',
    busyLabel: 'Disabling…',
    work: () => unlessChanged(reread, () => change('PATCH', current(), { enabled: false })),
    then: (answer) => {
      announce('The webhook is disabled');
      changed(answer);
    },
  });
}

function deleteDialog(current, reread) {
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
      renameTo('#/');
      show();
    },
  });
}

/** When somebody else was quicker, shows what it is now; confirming again then means that. */
async function unlessChanged(reread, work) {
  try {
    return await work();
  } catch (error) {
    if (error.status !== 412) throw error;
    await reread();
    throw new Refused(412, 'Somebody else changed this webhook. It is now shown as it is: look at it, then try again.');
  }
}
