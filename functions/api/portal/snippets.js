import { copyButton } from './copy.js';
import { code, fill, h, newId } from './dom.js';
import { box } from './parts.js';
import { SNIPPETS, SURVIVING_SNIPPETS } from './verification.js';

// How to verify a signature: the language and the header are the reader's choice.

/** In the address: the code that verifies with the old secret as well as with the new one. */
export const SURVIVING = 'survives-rotation';

/** Tabs for the language, in which the arrow keys go from one to the next, and a choice of the header. */
export function snippets() {
  const panel = h('div', { role: 'tabpanel', id: newId('panel') });
  const words = h('p');
  let language = 'Python';
  let surviving = location.hash.endsWith(`?${SURVIVING}`);
  const tabs = Object.keys(SNIPPETS).map((name) => h('button', {
    type: 'button', role: 'tab', id: newId('tab'), 'aria-controls': panel.id, onclick: () => choose(name, surviving),
  }, name));

  /**
   * @param {string} name
   * @param {boolean} survives
   */
  function choose(name, survives) {
    [language, surviving] = [name, survives];
    for (const tab of tabs) {
      const chosen = tab.textContent === language;
      tab.setAttribute('aria-selected', String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
      if (chosen) panel.setAttribute('aria-labelledby', tab.id);
    }
    const text = (surviving ? SURVIVING_SNIPPETS : SNIPPETS)[language];
    fill(panel, h('div.snippet', {}, box(text, `${language} code`), copyButton(text, `the ${language} code`)));
    fill(words, 'Over the raw body, before it is parsed. If it does not match, answer 401 and do nothing else. ',
      surviving ? ['Works with the old and the new secret while both sign, and refuses what somebody sends again later.']
        : ['After a rotation it fails until your server has the new secret.']);
  }

  const list = h('div.tabs', { role: 'tablist', 'aria-label': 'Language' }, tabs);
  list.addEventListener('keydown', (event) => {
    const step = Number(event.key === 'ArrowRight') - Number(event.key === 'ArrowLeft');
    if (!step) return;
    event.preventDefault();
    const from = tabs.findIndex((tab) => tab === document.activeElement);
    const next = tabs[(from + step + tabs.length) % tabs.length];
    choose(String(next.textContent), surviving);
    next.focus();
  });
  /** @type {(header: string, survives: boolean) => HTMLElement} */
  const choice = (header, survives) => h('label.check', {}, h('input', {
    type: 'radio', name: 'header', checked: survives === surviving, onchange: () => choose(language, survives),
  }), h('span', {}, code(header), h('span.hint', {}, survives ? 'Survives a rotation of the secret.' : 'The shortest code.')));
  choose(language, surviving);
  return h('section.card', { 'aria-labelledby': 'verify' },
    h('h2', { id: 'verify' }, 'Verify that a request is from us'),
    h('fieldset.field', {}, h('legend', {}, 'Header to check'), choice('X-Webhook-Signature', false), choice('webhook-signature', true)),
    words, list, panel,
    h('p.hint', {}, 'Libraries for ', code('webhook-signature'), ' are called Standard Webhooks. An event may arrive twice; ',
      code('webhook-id'), ' is then the same.'));
}
