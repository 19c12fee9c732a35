// Changes that one can make: tokens, heads, positions, one training step.
'use strict';
stations[9] = (box, view) => {
  const {state, set, columns, names} = view, {h, number} = draw, {model, example} = columns[0].result;
  const toggled = (list, item) => list.includes(item) ? list.filter(x => x !== item) : [...list, item];
  const choices = (title, ...children) => h('fieldset', {class: 'choices'}, h('legend', {}, title), ...children);
  const button = (key, text, onclick, pressed) => h('button', {type: 'button', 'data-key': key, onclick,
                                                               ...(pressed == null ? {} : {'aria-pressed': String(pressed)})}, text);
  const controls = h('div', {class: 'wide run'});
  box.append(controls);
  if (model.kind !== 'image') {
    const t = state.query, edit = value => set({tokens: example.inputs.map((x, i) => i === t ? value : x)});
    const input = h('select', {'data-key': 'edit', 'aria-label': `Token at ${names.position(t)}`, onchange: event => edit(Number(event.target.value))},
      ...Array.from({length: model.vocabulary}, (_, v) => h('option', {value: v, ...(v === example.inputs[t] ? {selected: true} : {})}, names.token(v))));
    controls.append(choices(`Token at ${t}`, input, state.tokens ? button('restore', 'As it was', () => set({tokens: null})) : null));
    if (!names.alphabet && model.length >= 32)
      controls.append(choices('The first tokens again and again, with a period of', ...[6, 8, 10, 12, 14, 16].map(p =>
        button(`period-${p}`, p, () => set({tokens: example.inputs.map((_, i) => view.original.inputs[i % p])}), false))));
  }
  const heads = Array.from({length: model.layers * model.heads}, (_, n) => `${Math.floor(n / model.heads)}.${n % model.heads}`);
  controls.append(choices('Leave out heads (layer.head)', ...heads.map(name =>
    button(`head-${name}`, name, () => set({knocked: toggled(state.knocked, name)}), state.knocked.includes(name)))));
  controls.append(choices('Positions', button('zero', 'Take them away', () => set({zero: !state.zero}), state.zero)));
  controls.append(choices('One training step on this sequence', ...['sgd', 'adam'].map(rule =>
    button(`train-${rule}`, rules.list[rule].title, () => set({trained: state.trained === rule ? '' : rule}), state.trained === rule)),
    h('span', {class: 'quiet'}, 'with the rates 0.1 and 0.001')));

  for (const column of columns) {
    const {result, plain} = column, change = result.loss - plain.loss;
    const said = `Loss of this sequence: ${number(plain.loss)} before, ${number(result.loss)} now (${change < 0 ? '−' : '+'}${number(Math.abs(change))}).`;
    box.append(h('div', {class: columns.length === 1 ? 'wide' : 'run'}, columns.length > 1 ? h('h3', {}, column.title) : null,
      h('p', {class: 'sum', role: 'status'}, said),
      draw.bars({title: '−log p of the right answer, now', names: result.each.map((_, t) => names.short(t)), values: result.each, marked: state.query,
                 most: Math.max(Math.log(model.classes), ...result.each.map(x => x || 0)), height: 110}),
      draw.bars({title: 'Before', names: plain.each.map((_, t) => names.short(t)), values: plain.each, marked: state.query,
                 most: Math.max(Math.log(model.classes), ...result.each.map(x => x || 0)), height: 110})));
  }
};
