'use strict';

// The choice of events: each, a group by the part before the dot, or all.

/** A fieldset; `chosen()` gives the names. */
function eventsField(types, selected) {
  const boxes = new Map();
  const parents = [];
  const error = h('p.error', { id: newId('error') });
  const groups = Object.entries(grouped(types)).map(([name, members]) => {
    const children = members.map((type) => eventBox(type, selected.includes(type.name), boxes));
    const all = parentBox(`All ${name} events`, () => members.map((type) => boxes.get(type.name)), parents);
    return h('div.group', {}, all, h('div.members', {}, ...children));
  });
  const everything = parentBox('All events', () => [...boxes.values()], parents);
  const field = h('fieldset.field', { 'aria-describedby': error.id, tabindex: '-1' },
    h('legend', {}, 'Events'),
    h('p.hint', {}, 'Only these are sent to the URL.'),
    h('div.group.everything', {}, everything), ...groups, error);
  const update = () => parents.forEach((parent) => parent.update());
  field.addEventListener('change', update);
  update();
  field.chosen = () => [...boxes].filter(([, input]) => input.checked).map(([name]) => name);
  return field;
}

function grouped(types) {
  const groups = {};
  for (const type of types) (groups[type.name.split('.')[0]] ??= []).push(type);
  return groups;
}

function eventBox(type, checked, boxes) {
  const input = h('input', { type: 'checkbox', checked, name: 'events', value: type.name });
  boxes.set(type.name, input);
  return h('label.check', {}, input, h('span', {}, code(type.name), h('span.hint', {}, type.description)));
}

/** Checked when all of its children are, half when some are. */
function parentBox(label, children, parents) {
  const input = h('input', {
    type: 'checkbox',
    onchange: () => { for (const child of children()) child.checked = input.checked; },
  });
  input.update = () => {
    const checked = children().filter((child) => child.checked).length;
    input.checked = checked === children().length;
    input.indeterminate = checked > 0 && !input.checked;
  };
  parents.push(input);
  return h('label.check.all', {}, input, h('span', {}, label));
}
