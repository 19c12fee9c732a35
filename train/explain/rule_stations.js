// What an optimizer's rule and an initialiser make of the same gradient and shape, by what they take for one matrix.
'use strict';
(() => {
  const {h, number} = draw;
  const ways = [['tensor', 'whole (3d, d): combined', 1], ['part', 'q, k and v: separate', 3], ['head', 'each head', null]];

  // W and dW of q, k and v, one below the other.
  function stacked(view, column) {
    const block = look.block(view), {model, gradients} = column.result;
    const join = numbers => {
      const parts = engine.parts.map(part => engine.projection(numbers, block, part, 'weight'));
      const all = new Float64Array(3 * parts[0].length);
      parts.forEach((part, i) => all.set(part, i * part.length));
      return all;
    };
    return {w: join(model.parameters), g: join(gradients.parameters), d: model.width, heads: model.heads};
  }

  stations[8] = (box, view) => {
    const {state, set} = view, rule = state.rule;
    box.append(h('div', {class: 'wide choices', role: 'group', 'aria-label': 'Rule'},
      ...Object.entries(rules.list).map(([name, {title}]) => h('button', {type: 'button', 'data-key': `rule-${name}`,
        'aria-pressed': String(name === rule), onclick: () => set({rule: name})}, title)),
      h('span', {class: 'quiet'}, `sees ${rules.list[rule].sees}`)));
    if (view.columns.length > 1)
      box.append(h('div', {class: 'wide choices', role: 'group', 'aria-label': 'Gradient of'}, 'Weights and gradient of ',
        ...view.columns.map((each, n) => h('button', {type: 'button', 'data-key': `run-${n}`, 'aria-pressed': String(n === state.run),
          onclick: () => set({run: n})}, each.title))));
    const column = view.columns[Math.min(state.run, view.columns.length - 1)], {w, g, d, heads} = stacked(view, column), size = d * d;
    const updates = ways.map(([, , groups]) => rules.direction(rule, w, g, 3 * d, d, groups || 3 * heads));
    const most = Math.max(...updates.map(u => u.reduce((m, x) => Math.max(m, Math.abs(x)), 0)));
    ways.forEach(([name, title], n) => box.append(draw.map({
      key: `rule-${name}-map`, title: `Update, by ${title}`, rows: 3 * d, columns: d, cell: 2, axes: ['output', 'input'], rowTick: r => r % d, most, note: `all three maps on one scale, ±${number(most)}`,
      bands: engine.parts.map((part, i) => ({at: i * d, name: part})), value: (r, c) => updates[n][r * d + c],
      rowName: r => `${engine.parts[Math.floor(r / d)]} ${r % d}`, columnName: c => `x ${c}`})));

    const part = (u, p) => u.subarray(p * size, (p + 1) * size);
    const rows = engine.parts.map((name, p) => [name, number(rules.norm(part(g, p))),
      ...updates.map(u => {
        const own = rules.norm(part(u, p)), reference = rules.norm(part(updates[1], p)), ratio = own / reference;
        return {text: `${number(own)}${u === updates[1] ? '' : ` (×${ratio.toFixed(3)})`}`, differs: Math.abs(ratio - 1) > 1e-6};
      })]);
    const apart = u => Math.sqrt(u.reduce((s, x, i) => s + (x - updates[1][i]) ** 2, 0)) / rules.norm(updates[1]);
    rows.push(['distance', '', ...updates.map(u => ({text: u === updates[1] ? '–' : `${(100 * apart(u)).toFixed(1)}%`, differs: apart(u) > 1e-6}))]);
    const p = 'qkv'.indexOf(state.part), colours = ['var(--plus)', 'var(--minus)', 'var(--soft)'];
    const spectra = updates.map(u => rules.singularValues(part(u, p), d, d));
    box.append(h('div', {},
      draw.lines({title: `Singular values of ${state.part}’s update`, note: 'Muon makes all of them alike: in the whole matrix, in each part, or in each head',
                  series: ways.map(([, title], n) => ({name: title.split(':')[0], colour: colours[n], dash: ['', '6 3', '2 2'][n],
                                                       points: spectra[n].map((s, x) => [x, s])})),
                  x: x => x / (d - 1), foot: 'number of the singular value'}),
      h('div', {class: 'choices', role: 'group', 'aria-label': 'Part'}, ...engine.parts.map(name => h('button', {type: 'button',
        'data-key': `spectrum-${name}`, 'aria-pressed': String(name === state.part), onclick: () => set({part: name})}, name)))));

    box.append(draw.table(`How long ${rules.list[rule].title}’s step is`, 'norm of the update at a learning rate of 1; in brackets beside separate storage',
                          ['', 'gradient', ...ways.map(([, title]) => title)], rows, 'double'));

    // Xavier's bound, and what the weights are now.
    const bound = outputs => Math.sqrt(6 / (d + outputs)), spread = x => rules.norm(x) / Math.sqrt(x.length);
    box.append(draw.table('Where Xavier’s rule starts', `weights from ±√(6 / (inputs + outputs)), d = ${d}`, ['', 'bound', 'spread (bound/√3)'], [
      ['combined, whole: √(6/4d)', {text: number(bound(3 * d)), differs: true}, number(bound(3 * d) / Math.sqrt(3))],
      ['separate: √(6/2d)', number(bound(d)), number(bound(d) / Math.sqrt(3))],
      ['separate : combined', `√2 = ${number(Math.SQRT2)}`, ''],
      ...view.columns.map(each => {
        const {w: now} = stacked(view, each);
        return [`here, ${each.title}, at this step`, '', number(spread(now))];
      })], 'double'));
  };
})();
