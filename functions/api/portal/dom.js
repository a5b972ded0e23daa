'use strict';

// Elements, made without markup: whatever comes from the server is put in as text.

/** h('p.note', {id: 'x', onclick: f}, 'text', element) */
function h(what, attributes = {}, ...children) {
  const [tag, ...classes] = what.split('.');
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(' ');
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat().filter((child) => child != null && child !== false));
  return element;
}

/** Somebody's own text: isolated, so that right-to-left marks in it turn nothing around it. */
const theirs = (text, direction) => h('bdi', { dir: direction }, text);
/** A URL, an id, a header: read from the left whatever it consists of. */
const code = (text) => h('code', {}, theirs(text, 'ltr'));

let ids = 0;
const newId = (prefix) => `${prefix}-${++ids}`;

/** Tells those who do not see the page. */
function announce(text) {
  const place = document.getElementById('announcer');
  place.textContent = '';
  setTimeout(() => { place.textContent = text; }, 50); // the same text twice would not be read twice
}

function button(label, onclick, style = '') {
  return h(`button${style}`, { type: 'button', onclick }, label);
}

/** Runs `work`; until it ends the button says so and does nothing, but keeps the focus. */
async function busy(pressed, label, work) {
  if (pressed.getAttribute('aria-disabled') === 'true') return;
  const before = [...pressed.childNodes];
  pressed.setAttribute('aria-disabled', 'true');
  pressed.replaceChildren(h('span.spinner', { 'aria-hidden': 'true' }), label);
  try {
    await work();
  } finally {
    pressed.removeAttribute('aria-disabled');
    pressed.replaceChildren(...before);
  }
}

/** A line for what came of an action: `say(text)`, `fail(error)`, `clear()`. */
function outcome() {
  const line = h('p.outcome', { role: 'status' });
  const show = (kind, ...content) => {
    line.className = `outcome ${kind}`;
    line.replaceChildren(...content);
  };
  line.say = (...content) => show('good', ...content);
  line.fail = (error) => { if (error.name !== 'AbortError') show('bad', theirs(error.message)); };
  line.clear = () => show('');
  return line;
}

/** Runs `work` under the button, and says in the line why it failed and when to try again. */
async function attempt(pressed, label, line, work) {
  line.clear();
  await busy(pressed, label, async () => {
    try {
      await work();
    } catch (error) {
      line.fail(error);
      if (!error.retryAfter) return;
      pressed.lastChild.textContent = 'Waiting…';
      await countDown(error.retryAfter, (left) => line.fail(error.in(left)));
    }
  });
}

/** Calls `say(seconds left)` as they pass, until `wanted` says no. */
function countDown(seconds, say, wanted = () => true) {
  return new Promise((resolve) => {
    const end = Date.now() + seconds * 1000;
    const tick = () => {
      const left = Math.ceil((end - Date.now()) / 1000);
      if (wanted()) say(Math.max(left, 0));
      if (left <= 0 || !wanted()) resolve();
      else setTimeout(tick, 500);
    };
    tick();
  });
}

function copyButton(text, what) {
  const label = h('span', {}, 'Copy');
  return h('button.small', {
    type: 'button',
    'aria-label': `Copy ${what}`,
    onclick: async () => {
      try {
        await navigator.clipboard.writeText(text);
        label.textContent = 'Copied';
        announce(`Copied ${what}`);
      } catch {
        label.textContent = 'Select it and press Ctrl+C';
      }
      setTimeout(() => { label.textContent = 'Copy'; }, 2500);
    },
  }, label);
}
