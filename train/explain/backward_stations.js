// The way back through attention: each formula beside its numbers, and every number checked.
'use strict';
(() => {
  const i = name => `<mi>${name}</mi>`, o = name => `<mo>${name}</mo>`, T = name => `<msup>${i(name)}${i('T')}</msup>`;
  const d = name => `<mrow><mi>d</mi><mi>${name}</mi></mrow>`;
  const over = below => `<mfrac><mn>1</mn><msqrt>${i(below)}</msqrt></mfrac>`;
  const formulas = [
    {name: 'p − y', math: `${d('z')}${o('=')}<mfrac><mrow>${i('p')}${o('−')}${i('y')}</mrow>${i('n')}</mfrac>`, tensor: 'logits',
     says: 'The loss pushes every probability down and the right one up; n positions share it.'},
    {name: 'dV', math: `${d('V')}${o('=')}${T('A')}${d('O')}`, tensor: 'attn.v', says: 'A value hears from every query that looked at it, as much as it did.'},
    {name: 'dA', math: `${d('A')}${o('=')}${d('O')}${T('V')}`, tensor: 'attn.weights', says: 'More weight on a key pays where its value points along dO.'},
    {name: 'dS', math: `${d('S')}${o('=')}${i('A')}${o('∘')}<mo>(</mo>${d('A')}${o('−')}<mi mathvariant="normal">rowsum</mi><mo>(</mo>${i('A')}${o('∘')}${d('A')}<mo>)</mo><mo>)</mo>`,
     tensor: 'attn.scores', says: 'Only what is better than the row’s mean gains; what has no weight learns nothing.'},
    {name: 'dQ', math: `${d('Q')}${o('=')}${over('D')}${d('S')}${i('K')}`, tensor: 'attn.q', says: 'A query moves towards the keys it should have liked more.'},
    {name: 'dK', math: `${d('K')}${o('=')}${over('D')}<msup>${d('S')}${i('T')}</msup>${i('Q')}`, tensor: 'attn.k', says: 'A key moves towards the queries that should have found it.'},
    {name: 'dW', math: `${d('W')}${o('=')}<msup>${d('Q')}${i('T')}</msup>${i('x')}`, says: 'The weight of the queries; those of k and v alike.'},
  ];

  // What a formula's map shows of a run: {rows, columns, data, rowName, columnName, hidden, check(r, c) -> number}.
  function shown(view, column, formula) {
    const {state, names} = view, {result} = column, {model, example, pass} = result, changes = pass.changes;
    const D = model.width / model.heads;
    if (!formula.tensor) {
      const at = engine.projection(result.gradients.parameters, look.block(view), state.part, 'weight');
      const size = D * model.width, name = ['qkv', `to_${state.part}`].map(layer => `${look.attn(view)}.${layer}.weight`)
        .find(layer => model.parameters.has(layer));
      const first = (name.includes('qkv') ? 'qkv'.indexOf(state.part) * model.width * model.width : 0) + state.head * size;
      return {rows: D, columns: model.width, data: at.subarray(state.head * size, (state.head + 1) * size), hidden: () => false,
              title: `dW of ${state.part}, head ${state.head}`, rowName: r => `${state.part} ${r}`, columnName: c => `x ${c}`, axes: ['output', 'input'],
              check: (r, c) => models.parameterDifference(model, example, changes, name, first + r * model.width + c)};
    }
    const perHead = formula.tensor !== 'logits', name = perHead ? `${look.block(view)}.${formula.tensor}` : 'logits';
    const shape = pass.trace.get(name).shape, [rows, columns] = shape.slice(-2), all = result.gradients.told.get(name);
    const from = perHead ? state.head * rows * columns : 0, square = rows === columns && perHead && columns === pass.T;
    return {rows, columns, data: all.subarray(from, from + rows * columns), title: perHead ? `${formula.name}, head ${state.head}` : formula.name,
            hidden: (r, c) => square && model.causal && c > r, rowName: names.position,
            axes: square ? ['query', 'key'] : ['position', perHead ? 'number' : 'answer'], rowTick: names.tick,
            columnTick: square ? names.tick : perHead ? null : names.answer,
            columnName: c => square ? `key ${names.position(c)}` : perHead ? `number ${c}` : `answer ${names.answer(c)}`,
            check: (r, c) => models.finiteDifference(model, example, changes, name, from + r * columns + c)};
  }

  stations[7] = (box, view) => {
    const {state, set} = view, {h, number} = draw, formula = formulas[state.formula];
    const choose = formulas.map((f, n) => h('button', {type: 'button', 'data-key': `formula-${n}`, 'aria-pressed': String(n === state.formula),
                                                       onclick: () => set({formula: n})}, f.name));
    const parts = !formula.tensor ? engine.parts.map(part => h('button', {type: 'button', 'data-key': `part-${part}`,
      'aria-pressed': String(part === state.part), onclick: () => set({part})}, part)) : [];
    const written = h('div', {class: 'wide'});
    written.innerHTML = `<math display="block">${formula.math}</math>`;
    box.append(h('div', {class: 'wide choices', role: 'group', 'aria-label': 'Formula'}, ...choose, ...parts), written,
               h('p', {class: 'wide'}, formula.says));
    look.perRun(box, view, column => {
      const of = shown(view, column, formula), r = Math.min(state.query, of.rows - 1);
      let c = Math.min(formula.name === 'dA' || formula.name === 'dS' ? look.keyOf(view, column) : state.col, of.columns - 1);
      if (of.hidden(r, c)) c = r;
      const pick = (row, col) => set(formula.name === 'dA' || formula.name === 'dS' ? {query: row, key: col} : {query: row, col});
      const map = draw.map({key: `back-${column.index}`, title: of.title, rows: of.rows, columns: of.columns, hatched: of.hidden,
                            axes: of.axes, rowTick: of.rowTick, columnTick: of.columnTick,
                            value: (row, col) => of.data[row * of.columns + col], rowName: of.rowName, columnName: of.columnName,
                            selected: {r, c}, pick});
      const formulaSays = of.data[r * of.columns + c], moved = of.check(r, c);
      const check = h('p', {class: 'sum'}, `${of.rowName(r)}, ${of.columnName(c)}: the formula gives `, h('b', {}, digits(formulaSays)),
                      ', moving the number gives ', h('b', {}, digits(moved)), '.');
      return [map, h('div', {}, check, ...facts(column, of, formula, r))];
    });

    // What is to be seen in the numbers besides.
    function facts(column, of, f, r) {
      if (f.name !== 'dS') return [];
      const sums = Array.from({length: of.rows}, (_, row) => of.data.subarray(row * of.columns, (row + 1) * of.columns)
        .reduce((a, b) => a + b, 0));
      const bias = part => {
        const b = engine.projection(column.result.gradients.parameters, look.block(view), part, 'bias');
        return b ? Math.max(...b.map(Math.abs)) : NaN;
      };
      return [h('p', {}, `This row sums to ${number(sums[r])}, and no row’s sum is larger than ${number(Math.max(...sums.map(Math.abs)))}.`),
              Number.isFinite(bias('k')) ? h('p', {}, `Largest gradient of the bias of k: ${number(bias('k'))}; of q: ${number(bias('q'))}, of v: ${number(bias('v'))}.`) : null]
        .filter(Boolean);
    }
  };
  const digits = x => Number.isFinite(x) ? x.toPrecision(6).replace(/-/g, '−') : '–';
})();
