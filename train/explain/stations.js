// The stations: each fills its figures for what is chosen. Here: tokens, values, loss.
//
// A station is a function of the box for its figures and of a view: {state, set(changes), columns, names}. A column
// is a run: {run, title, result (of models.explained)}; state is the page's (app.js).
'use strict';
const stations = {};
const look = (() => {
  // One head of a traced tensor (heads, T, X), forward, or its gradient where the view goes back.
  function headOf(view, column, name) {
    const {shape, data} = column.result.trace(name), [, rows, columns] = shape, size = rows * columns;
    const all = view.state.back ? column.result.gradients.told.get(name) : data;
    return {rows, columns, data: all.subarray(view.state.head * size, (view.state.head + 1) * size)};
  }
  function whole(view, column, name) {
    const {shape: [rows, columns], data} = column.result.trace(name);
    return {rows, columns, data: view.state.back ? column.result.gradients.told.get(name) : data};
  }
  // The chosen key, or the one that the query looks at most.
  function keyOf(view, column) {
    if (view.state.key >= 0) return view.state.key;
    const {T} = column.result.pass, at = (view.state.head * T + view.state.query) * T;
    const row = column.result.trace(`${attn(view)}.weights`).data.subarray(at, at + T);
    return row.reduce((best, x, i) => x > row[best] ? i : best, 0);
  }
  const attn = view => `blocks.${view.state.layer}.attn`;
  const block = view => `blocks.${view.state.layer}`;
  // "S" or, going back, "dS: what the loss wants of S".
  const title = (view, name) => view.state.back ? `Gradient of ${name}` : name;

  // Fills the box with what `make(column)` gives for each run; with two, side by side under their names.
  function perRun(box, view, make) {
    for (const column of view.columns) {
      const figures = make(column).filter(Boolean);
      if (view.columns.length === 1) box.append(...figures);
      else box.append(draw.h('div', {class: 'run'}, draw.h('h3', {}, column.title), ...figures));
    }
  }
  // A map of (positions, numbers).
  function rowsMap(view, column, name, told, key) {
    const {rows, columns, data} = whole(view, column, told), q = Math.min(view.state.query, rows - 1);
    return draw.map({key: `${key}-${column.index}`, title: title(view, name), rows, columns, value: (r, c) => data[r * columns + c],
                     axes: ['position', 'number'], rowTick: view.names.tick,
                     rowName: view.names.position, columnName: c => String(c), selected: {r: q, c: Math.min(view.state.col, columns - 1)},
                     pick: (r, c) => view.set({query: r, col: c})});
  }
  return {headOf, whole, keyOf, attn, block, title, perRun, rowsMap};
})();

// The picture's patches, coloured by `share(position)`; the class token stands before it.
look.picture = (view, column, title, share, say) => {
  const {model} = column.result, across = model.length / model.patch;
  return draw.map({key: `picture-${title}-${column.index}`, title, rows: across, columns: across, cell: 40,
                   value: (r, c) => share(1 + r * across + c), rowName: r => `row ${r}`, columnName: c => `column ${c}`,
                   selected: view.state.query > 0 ? {r: Math.floor((view.state.query - 1) / across), c: (view.state.query - 1) % across} : null,
                   say: (r, c, v) => say(1 + r * across + c, v), pick: (r, c) => view.set({query: 1 + r * across + c, key: -1})});
};

stations[1] = (box, view) => {
  const {names, state} = view;
  look.perRun(box, view, column => {
    const {result} = column, {model, p} = result, C = model.classes;
    const at = model.kind === 'image' ? 0 : state.query, row = p.subarray(at * C, (at + 1) * C);
    const target = result.example.targets[at], order = [...row.keys()].sort((a, b) => row[b] - row[a]);
    const shown = C <= 20 ? [...row.keys()] : order.slice(0, 12);
    const right = target >= 0 ? `; right is ${names.answer(target)}, with ${draw.number(row[target])}` : '; it is not asked here';
    const said = `At ${names.position(at)} the model expects ${names.answer(order[0])} with ${draw.number(row[order[0]])}${right}.`;
    const chart = draw.bars({title: 'Probability of each answer', note: said, say: said, names: shown.map(names.answer),
                             values: shown.map(c => row[c]), marked: shown.indexOf(target), most: 1,
                             colour: i => shown[i] === target ? 'var(--plus)' : 'var(--minus)', wide: view.columns.length === 1});
    if (model.kind !== 'image') return [chart];
    const side = model.length, pixels = result.example.inputs;
    return [draw.map({key: `pixels-${column.index}`, title: 'The picture', note: `${side} × ${side} pixels, in patches of ${model.patch} × ${model.patch}`,
                      rows: side, columns: side, cell: 20, value: (r, c) => pixels[r * side + c], rowName: r => `row ${r}`,
                      columnName: c => `column ${c}`}), chart];
  });
};

stations[5] = (box, view) => {
  const {state, names} = view, block = look.block(view), attn = look.attn(view);
  look.perRun(box, view, column => {
    const {rows, columns, data} = look.headOf(view, column, `${attn}.heads`);
    const mixed = draw.map({key: `heads-${column.index}`, title: look.title(view, `O = A V of head ${state.head}`), rows, columns,
                            axes: ['position', 'number'], rowTick: names.tick,
                            value: (r, c) => data[r * columns + c], rowName: names.position, columnName: c => `value ${c}`,
                            selected: {r: state.query, c: Math.min(state.col, columns - 1)}, pick: (r, c) => view.set({query: r, col: c})});
    const told = state.back ? name => column.result.gradients.told.get(name) : name => column.result.trace(name).data;
    const parts = [['before', 'resid_pre'], ['attention', 'attn.output'], ['MLP', 'mlp.output'], ['after', 'resid_post']];
    const d = column.result.model.width, norms = parts.map(([, name]) => {
      const all = told(`${block}.${name}`), row = Math.min(state.query, all.length / d - 1);
      return rules.norm(all.subarray(row * d, (row + 1) * d));
    });
    const bars = draw.bars({title: `Norms in the residual stream at ${names.position(state.query)}`, note: `layer ${state.layer}: what was there, what each adds, what goes on`,
                            names: parts.map(([name]) => name), values: norms});
    return [mixed, look.rowsMap(view, column, `What attention adds, layer ${state.layer}`, `${attn}.output`, 'output'),
            look.rowsMap(view, column, `Residual stream after layer ${state.layer}`, `${block}.resid_post`, 'stream'), bars];
  });
};

stations[6] = (box, view) => {
  const {state, names} = view;
  look.perRun(box, view, column => {
    const {result} = column, C = result.model.classes, logits = look.whole(view, column, 'logits');
    const rows = logits.rows, at = Math.min(state.query, rows - 1);
    const map = draw.map({key: `logits-${column.index}`, title: look.title(view, 'logits'), rows, columns: C,
                          axes: ['position', 'answer'], rowTick: names.tick, columnTick: names.answer,
                          note: state.back ? '(p − y) / n: what is too likely goes down, the right one up' : null,
                          value: (r, c) => logits.data[r * C + c], rowName: names.position, columnName: c => `answer ${names.answer(c)}`,
                          selected: {r: at, c: Math.max(result.example.targets[at], 0)}, pick: r => view.set({query: r})});
    const said = `The loss of this sequence is ${draw.number(result.loss)}, the mean over ${result.counted} positions.`;
    const bars = draw.bars({title: '−log p of the right answer', note: said, say: said, names: result.each.map((_, t) => names.short(t)),
                            values: result.each, marked: at, most: Math.max(Math.log(C), ...result.each.map(x => x || 0)),
                            colour: i => i === at ? 'var(--plus)' : 'var(--minus)', wide: view.columns.length === 1});
    return [bars, map];
  });
};
