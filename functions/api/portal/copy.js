import { openDialog } from './dialog.js';
import { announce, button, h } from './dom.js';
import { box } from './parts.js';

// Copying, and what to do where the browser does not let the page copy: in a frame without allow="clipboard-write".

/**
 * @param {string} text
 * @param {string} what such as "the secret"
 * @param {string} [words] on the button
 */
export function copyButton(text, what, words = 'Copy') {
  const label = h('span', {}, words);
  return h('button.small', {
    type: 'button',
    'aria-label': words === 'Copy' && `Copy ${what}`,
    onclick: async () => {
      try {
        await navigator.clipboard.writeText(text);
        label.textContent = 'Copied';
        announce(`Copied ${what}`);
        setTimeout(() => { label.textContent = words; }, 2500);
      } catch {
        copyByHand(text, what);
      }
    },
  }, label);
}

/**
 * With the text selected; it is a dialog, and so it is read out, and the focus comes back.
 *
 * @param {string} text
 * @param {string} what
 */
function copyByHand(text, what) {
  const shown = box(text, `What to copy: ${what}`);
  openDialog('Press Ctrl+C or ⌘C to copy', h('p', {}, 'Your browser does not let this page copy.'), shown,
    h('div.buttons', {}, button('Close', () => shown.closest('dialog')?.close())));
  shown.focus();
  getSelection()?.selectAllChildren(shown);
}
