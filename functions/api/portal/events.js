/** @import { EventsField, EventType } from './types' */
import { code, h, newId } from './dom.js';

// The choice of events: each, a group by the part before the dot, or all.

/**
 * A fieldset; `chosen()` gives the names.
 *
 * @param {EventType[]} types
 * @param {string[]} selected
 * @returns {EventsField}
 */
export function eventsField(types, selected) {
  /** @type {Map<string, HTMLInputElement>} */
  const boxes = new Map(types.map(({ name }) => [name, h('input', {
    type: 'checkbox', checked: selected.includes(name), name: 'events', value: name,
  })]));
  const error = h('p.error', { id: newId('error') });
  const groups = Object.entries(grouped(types)).map(([name, members]) => {
    const all = parentBox(`All ${name} events`, members.map((type) => /** @type {HTMLInputElement} */ (boxes.get(type.name))));
    const children = members.map((type) => eventBox(type, boxes.get(type.name)));
    return { all, element: h('div.group', {}, all.label, h('div.members', {}, children)) };
  });
  const everything = parentBox('All events', [...boxes.values()]);
  const field = h('fieldset.field', { 'aria-describedby': error.id, tabindex: '-1' },
    h('legend', {}, 'Events'),
    h('p.hint', {}, 'Only these are sent to the URL. ', h('a', { href: '../event-types', target: '_blank' }, 'Event reference')),
    h('div.group.everything', {}, everything.label), groups.map(({ element }) => element), error);
  const update = () => [everything, ...groups.map(({ all }) => all)].forEach((parent) => parent.update());
  field.addEventListener('change', update);
  update();
  return Object.assign(field, {
    chosen: () => [...boxes].filter(([, input]) => input.checked).map(([name]) => name),
  });
}

/** @param {EventType[]} types */
function grouped(types) {
  /** @type {Record<string, EventType[]>} */
  const groups = {};
  for (const type of types) (groups[type.name.split('.')[0]] ??= []).push(type);
  return groups;
}

/**
 * @param {EventType} type
 * @param {HTMLInputElement | undefined} input
 */
function eventBox(type, input) {
  return h('label.check', {}, input, h('span', {}, code(type.name), h('span.hint', {}, type.description)));
}

/**
 * Checked when all of its children are, half when some are; `update()` reads them again.
 *
 * @param {string} label
 * @param {HTMLInputElement[]} children
 */
function parentBox(label, children) {
  const input = h('input', {
    type: 'checkbox',
    onchange: () => { for (const child of children) child.checked = input.checked; },
  });
  const update = () => {
    const checked = children.filter((child) => child.checked).length;
    input.checked = checked === children.length;
    input.indeterminate = checked > 0 && !input.checked;
  };
  return { label: h('label.check.all', {}, input, h('span', {}, label)), update };
}
