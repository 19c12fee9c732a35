// Projections, scores and softmax.
'use strict';

// The projections of a layer as maps: one of 3d rows with three bands, or three of d; a row lights its twin.
stations[2] = (box, view) => {
  const {state, names, columns} = view, block = look.block(view), {number} = draw;
  const numbersOf = column => state.back ? column.result.gradients.parameters : column.result.model.parameters;
  const d = columns[0].result.model.width, row = state.row % (3 * d), D = d / columns[0].result.model.heads;

  function combined(column, title) {
    const numbers = numbersOf(column), stored = numbers.get(`${block}.attn.qkv.weight`);
    const parts = engine.parts.map(part => engine.projection(numbers, block, part, 'weight'));
    return draw.map({key: `qkv-${column.index}`, title, note: `attn.qkv.weight (${3 * d}, ${d})${stored ? ', as stored' : ', as one would be stored'}`,
                     rows: 3 * d, columns: d, cell: 3, axes: ['output', 'input'], rowTick: r => r % d, value: (r, c) => parts[Math.floor(r / d)][(r % d) * d + c], light: row,
                     bands: engine.parts.map((name, i) => ({at: i * d, name})), rowName, columnName: c => `x ${c}`,
                     selected: {r: row, c: state.col % d}, pick: (r, c) => view.set({row: r, col: c})});
  }
  const rowName = r => `${engine.parts[Math.floor(r / d)]}, head ${Math.floor((r % d) / D)}, number ${r % D}`;
  function separate(column, title) {
    const numbers = numbersOf(column), there = numbers.has(`${block}.attn.to_q.weight`);
    return draw.h('div', {class: 'run'}, ...engine.parts.map((part, i) => {
      const weight = engine.projection(numbers, block, part, 'weight'), own = Math.floor(row / d) === i;
      return draw.map({key: `to-${part}-${column.index}`, title: `${title}, ${part}`,
                       note: `attn.to_${part}.weight (${d}, ${d})${there ? ', as stored' : ', as three would be stored'}`, rows: d, columns: d, cell: 3,
                       axes: ['output', 'input'], value: (r, c) => weight[r * d + c], light: own ? row % d : null, rowName: r => rowName(i * d + r),
                       columnName: c => `x ${c}`, selected: own ? {r: row % d, c: state.col % d} : null,
                       pick: (r, c) => view.set({row: i * d + r, col: c})});
    }));
  }
  const what = state.back ? 'Gradient of W' : 'W';
  const isCombined = column => column.result.model.parameters.has(`${block}.attn.qkv.weight`);
  if (columns.length === 1) {
    box.append(combined(columns[0], `${what}, combined`), separate(columns[0], `${what}, separate`));
  } else {
    for (const column of columns)
      box.append((isCombined(column) ? combined : separate)(column, `${what} of ${column.title}`));
  }

  // The dot product of the chosen row with the query's x.
  for (const column of columns) {
    const {result} = column, x = result.trace(`${block}.norm1`).data.subarray(state.query * d, (state.query + 1) * d);
    const part = engine.parts[Math.floor(row / d)], at = row % d;
    const w = engine.projection(result.model.parameters, block, part, 'weight').subarray(at * d, (at + 1) * d);
    const b = (engine.projection(result.model.parameters, block, part, 'bias') || [])[at] || 0;
    const terms = [...w.keys()].sort((i, j) => Math.abs(w[j] * x[j]) - Math.abs(w[i] * x[i]));
    const largest = terms.slice(0, 4), rest = terms.slice(4).reduce((sum, i) => sum + w[i] * x[i], 0);
    const sum = w.reduce((total, wi, i) => total + wi * x[i], b);
    const written = largest.map(i => `${number(w[i])} · ${number(x[i])}`).join(' + ');
    const signed = text => text.replace(/\+ −/g, '− ');
    box.append(draw.h('p', {class: 'sum wide'}, columns.length > 1 ? `${column.title}: ` : '',
                      `${rowName(row)}, at ${names.position(state.query)}: ${signed(`${written} + ${number(rest)} (the other ${d - 4} products) + ${number(b)} (bias)`)} = `,
                      draw.h('b', {}, number(sum))));
  }
  if (columns.length === 2) {
    const [a, b] = columns.map(column => engine.parts.map(part => engine.projection(numbersOf(column), block, part, 'weight')));
    const distance = Math.sqrt(a.reduce((sum, part, i) => sum + part.reduce((s, w, j) => s + (w - b[i][j]) ** 2, 0), 0));
    const size = Math.sqrt(a.reduce((sum, part) => sum + rules.norm(part) ** 2, 0));
    box.append(draw.h('p', {class: 'wide'}, `Distance of the two runs' ${state.back ? 'gradients' : 'weights'} in this layer: `,
                      draw.h('b', {}, number(distance)), `, beside a norm of ${number(size)}.`));
  }
};

// T x T of the chosen head: scores or weights.
look.attentionMap = (view, column, of) => {
  const {state, names} = view, {rows, columns, data} = look.headOf(view, column, `${look.attn(view)}.${of.name}`);
  const {model} = column.result;
  return draw.map({key: `${of.name}-${column.index}`, title: look.title(view, of.title), rows, columns, most: state.back ? 0 : of.most,
                   note: `layer ${state.layer}, head ${state.head}`, axes: ['query', 'key'], rowTick: names.tick, columnTick: names.tick,
                   value: (r, c) => data[r * columns + c], hatched: (r, c) => model.causal && c > r,
                   rowName: r => `query ${names.position(r)}`, columnName: c => `key ${names.position(c)}`,
                   selected: {r: state.query, c: look.keyOf(view, column)}, pick: (r, c) => view.set({query: r, key: c}),
                   say: (r, c, v) => model.causal && c > r ? `${names.position(c)} is hidden from ${names.position(r)}`
                                                           : of.say(names.position(r), names.position(c), v)});
};

stations[3] = (box, view) => {
  const {state, set, names} = view, {number, h} = draw;
  const scale = h('input', {type: 'checkbox', 'data-key': 'scale', ...(state.unscaled ? {} : {checked: true}),
                            onchange: event => set({unscaled: !event.target.checked})});
  box.append(h('label', {class: 'wide'}, scale, ' divide by √D'));
  look.perRun(box, view, column => {
    const {rows, columns, data} = look.headOf(view, column, `${look.attn(view)}.scores`);
    const row = data.subarray(state.query * columns, (state.query + 1) * columns), causal = column.result.model.causal;
    const key = look.keyOf(view, column);
    const map = look.attentionMap(view, column, {name: 'scores', title: 'S, the scores', say: (q, k, v) =>
      `${state.back ? 'gradient of the score of' : 'score of'} query ${q} and key ${k}: ${number(v)}`});
    const [q, k] = ['q', 'k'].map(part => {
      const {shape: [, , D], data: all} = column.result.trace(`${look.attn(view)}.${part}`);
      const at = (state.head * rows + (part === 'q' ? state.query : key)) * D;
      return all.subarray(at, at + D);
    });
    const dot = q.reduce((sum, x, i) => sum + x * k[i], 0), D = q.length;
    const hidden = causal && key > state.query;
    const sum = h('p', {class: 'sum'}, hidden ? `${names.position(key)} comes later: the mask hides it.`
      : `q · k = ${number(dot)} over D = ${D} numbers${state.unscaled ? '' : `; divided by √${D} = ${number(Math.sqrt(D))}: ${number(dot / Math.sqrt(D))}`}`);
    const limits = Array.from(row).filter(Number.isFinite);
    return [map, h('div', {}, sum, h('p', {}, `In this row: from ${number(Math.min(...limits))} to ${number(Math.max(...limits))}.`))];
  });
};

stations[4] = (box, view) => {
  const {state, names} = view, {number} = draw;
  look.perRun(box, view, column => {
    const {columns, data} = look.headOf(view, column, `${look.attn(view)}.weights`);
    const row = data.subarray(state.query * columns, (state.query + 1) * columns);
    const best = row.reduce((b, x, i) => x > row[b] ? i : b, 0);
    const say = (q, k, v) => state.back ? `gradient of the share of ${k} for query ${q}: ${number(v)}` : `query ${q} looks at ${k} with ${number(v)}`;
    const said = say(names.position(state.query), names.position(best), row[best]);
    const map = look.attentionMap(view, column, {name: 'weights', title: 'A, the weights', most: 1, say});
    const bars = draw.bars({title: look.title(view, `Row of ${names.position(state.query)}`), note: said, say: said,
                            names: Array.from(row, (_, i) => names.short(i)), values: Array.from(row), marked: look.keyOf(view, column),
                            colour: i => row[i] < 0 ? 'var(--minus)' : 'var(--plus)'});
    const picture = column.result.model.kind !== 'image' ? null
      : look.picture(view, column, 'Where it looks', t => row[t], (t, v) => `${names.position(t)}: ${number(v)}`);
    return [map, bars, picture, patterns(view, column)];
  });

  // How much of the weight goes to the token before, and to what followed the same token in earlier periods.
  function patterns(of, column) {
    const {model, pass} = column.result, {inputs} = column.result.example;
    if (model.kind === 'image' || !model.causal) return null;
    const T = pass.T, rows = [], period = periodOf(inputs);
    for (let l = 0; l < model.layers; ++l) {
      const weights = pass.trace.get(`blocks.${l}.attn.weights`).data;
      for (let head = 0; head < model.heads; ++head) {
        const share = find => {
          let sum = 0, count = 0;
          for (let t = 1; t < T; ++t) {
            const places = find(t);
            if (!places.length) continue;
            ++count;
            for (const s of places) sum += weights[(head * T + t) * T + s];
          }
          return count ? sum / count : NaN;
        };
        const before = share(t => [t - 1]);
        const repeated = share(t => period ? Array.from({length: Math.floor(t / period)}, (_, i) => t - (i + 1) * period + 1) : []);
        rows.push([`${l}.${head}`, {text: number(before), differs: before > 0.3}, {text: number(repeated), differs: repeated > 0.5}]);
      }
    }
    return draw.table('Heads by what they look at', 'mean share of the weight. A period before: on what followed the same token there; by content (induction) or by position? Try another period at station 9',
                      ['layer.head', 'token before', 'a period before'], rows);
  }
};

// The least period of a repeated sequence, 0 where there is none shorter than its length.
function periodOf(tokens) {
  for (let p = 1; p < tokens.length; ++p) if (tokens.every((x, t) => t < p || x === tokens[t - p])) return p;
  return 0;
}
