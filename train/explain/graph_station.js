// The tape that the loss stands at the end of: one drawing by level, each module folded into one box or open.
'use strict';
(() => {
  const {h, svg, text, number} = draw;

  // What an op computes, and what its gradient makes of dy.
  const formulas = {
    add: ['y = a + b', 'da = dy, db = dy: a sum hands its gradient to both'], add_rows: ['y = a + b', 'da = dy, db = Σ dy'],
    sub: ['y = a − b', 'da = dy, db = −dy'], mul: ['y = a b', 'da = dy b, db = dy a'], div: ['y = a / b', 'da = dy / b, db = −dy y / b'],
    neg: ['y = −x', 'dx = −dy'], matmul: ['Y = A B', 'dA = dY Bᵀ, dB = Aᵀ dY'],
    linear: ['Y = X Wᵀ + b', 'dX = dY W, dW = dYᵀ X, db = Σ dY'],
    conv: ['y = Σ w x over each window, + b', 'dx = Σ w dy over the windows that see x, dw = Σ dy x, db = Σ dy'],
    layer_norm: ['y = (x − mean) / √(variance + ε) w + b', 'dx: dy w without its mean and its part along the normed x, over √variance'],
    softmax: ['A = exp(S) / Σ exp(S)', 'dS = A ∘ (dA − rowsum(A ∘ dA))'], log_softmax: ['y = x − log Σ exp(x)', 'dx = dy − softmax(x) Σ dy'],
    gelu: ['y = x Φ(x)', 'dx = dy (Φ(x) + x φ(x))'], relu: ['y = max(x, 0)', 'dx = dy where x > 0'],
    where: ['y = a where the mask says so, else b', 'the gradient goes where the value came from'],
    take_rows: ['y = rows of the table, by index', 'each row gets the sum of the dy of the places that took it'],
    cross_entropy: ['ℓ = −log softmax(z) of the right answer', 'dz = dℓ (softmax(z) − y)'],
    mean_of_counted: ['L = Σ ℓ / n over the n places that count', 'dℓ = dL / n'],
    gather: ['y = the numbers at an index', 'dx: dy at the index, 0 elsewhere'], scatter_add: ['y = sums by index', 'dx = dy at the index'],
    sum: ['y = Σ x', 'dx = dy, everywhere'], sum_to: ['y = Σ x, to a smaller shape', 'dx = dy, everywhere'], expand: ['y = x, repeated', 'dx = Σ dy'],
    reshape: ['the same numbers in another shape', 'likewise'], permute: ['the same numbers, dimensions reordered', 'likewise, back'],
    slice: ['a part of x', 'dx = dy there, 0 elsewhere'], unslice: ['x in a larger tensor of zeros', 'dx = that part of dy'], clone: ['y = x', 'dx = dy'],
    cat: ['y = the parts, one behind the other', 'each part gets its piece of dy'],
  };

  const layerOf = name => (name.match(/^blocks\.\d+/) || [''])[0];
  // The module whose forward pass made an op; none for the sums of the residual stream.
  function moduleOf(op) {
    if (op.names.some(name => /resid_/.test(name))) return '';
    const told = op.names[0], read = op.parameters[0];
    const fixed = {embedding: 'embedding', features: 'norm', logits: 'to_logits'};
    if (told) return fixed[told] || told.split('.').slice(0, 3).join('.');
    if (!read) return null;
    return read.startsWith('blocks.') ? read.split('.').slice(0, 3).join('.') : /embedding|cls_token/.test(read) ? 'embedding' : read.split('.')[0];
  }
  // A module for every op of the tape: its own, or that of the op it works for.
  function modulesOf(tape) {
    const modules = tape.map(moduleOf), last = tape.length - 1;
    modules[last] = 'loss';
    for (let i = last; i >= 0; --i) {
      const own = tape[i].names.includes('embedding') ? 'embedding' : modules[i];
      for (const input of tape[i].inputs) if (modules[input] === null) modules[input] = own;
    }
    return modules;
  }

  // What is drawn: boxes with their ops, and which box hands on to which. -> {boxes: [{ops, module, level, from}]}
  function visible(tape, modules, open) {
    const boxOf = [], boxes = [], folded = new Map();
    tape.forEach((op, i) => {
      const module = modules[i], fold = module && !open.includes(module);
      if (fold && folded.has(module)) boxes[boxOf[i] = folded.get(module)].ops.push(i);
      else {
        boxOf.push(boxes.push({ops: [i], module, from: new Set()}) - 1);
        if (fold) folded.set(module, boxOf[i]);
      }
    });
    tape.forEach((op, i) => op.inputs.forEach(input => boxOf[input] !== boxOf[i] && boxes[boxOf[i]].from.add(boxOf[input])));
    const level = b => boxes[b].level = boxes[b].level ?? 1 + Math.max(-1, ...[...boxes[b].from].map(level));
    boxes.forEach((_, b) => level(b));
    return boxes;
  }

  const boxWidth = 168, boxHeight = 30, across = 190, down = 52;
  function place(boxes) {
    const levels = [];
    boxes.forEach(box => (levels[box.level] = levels[box.level] || []).push(box));
    const widest = Math.max(...levels.map(l => l.length)), width = Math.max(2, widest) * across + 80;
    levels.forEach((level, y) => {
      const wish = box => box.from.size ? [...box.from].reduce((sum, b) => sum + (boxes[b].x || 0), 0) / box.from.size : 0;
      level.sort((a, b) => wish(a) - wish(b)).forEach((box, i) => {
        box.x = width / 2 + (i - (level.length - 1) / 2) * across;
        box.y = 8 + y * down;
      });
    });
    return {width, height: levels.length * down};
  }
  // Straight to the next level; what passes levels by goes down beside them.
  function path(boxes, from, to) {
    const x1 = from.x, y1 = from.y + boxHeight, x2 = to.x, y2 = to.y;
    const passed = boxes.filter(box => box.level > from.level && box.level < to.level);
    if (!passed.length) return `M${x1} ${y1} C${x1} ${y1 + 12} ${x2} ${y2 - 12} ${x2} ${y2}`;
    const rail = Math.max(...passed.map(box => box.x)) + boxWidth / 2 + 9 + 3 * Math.min(8, to.level - from.level);
    return `M${x1} ${y1} C${x1} ${y1 + 16} ${rail} ${y1 + 2} ${rail} ${y1 + 20} L${rail} ${y2 - 20} C${rail} ${y2 - 2} ${x2} ${y2 - 16} ${x2} ${y2}`;
  }

  const shapeText = shape => `(${shape.join(', ')})`;
  const isSum = (tape, box) => box.module === '' && tape[box.ops[0]].op === 'add';
  function titleOf(tape, box) {
    const op = tape[box.ops[0]];
    if (box.ops.length > 1) return box.module;
    if (isSum(tape, box)) return `+ ${layerOf(op.names[0] || '').replace('blocks.', 'layer ')}`;
    return op.names.length ? `${op.op} = ${op.names[0].split('.').pop()}` : op.op;
  }

  // The op that was chosen in one run ("1.20": run 1, op 20), in the tape of another by what it is called.
  function chosenIn(view, column) {
    const [run, index] = view.state.op.split('.').map(Number), there = (view.columns[run] || column).run.tape[index];
    if (!there || run === column.index) return index;
    return column.run.tape.findIndex(op => there.names.some(name => op.names.includes(name)));
  }

  stations[10] = (box, view) => {
    const {state, set} = view;
    look.perRun(box, view, column => {
      const {tape} = column.run, modules = modulesOf(tape), boxes = visible(tape, modules, state.open), at = chosenIn(view, column);
      const size = place(boxes), chosen = boxes.find(b => b.ops.includes(at)) || boxes[boxes.length - 1];
      const drawing = svg('svg', {viewBox: `0 0 ${size.width} ${size.height}`, role: 'group',
                                  'aria-label': `The tape: ${tape.length} ops in ${boxes.length} boxes; ${state.back ? 'gradients go up' : 'values go down'}`});
      drawing.style.maxWidth = `${size.width}px`;
      for (const to of boxes)
        for (const from of to.from) {
          const lit = to === chosen || boxes[from] === chosen;
          drawing.append(svg('path', {d: path(boxes, boxes[from], to), fill: 'none', stroke: lit ? 'var(--plus)' : 'var(--soft)', 'stroke-width': lit ? 2 : 1.2}));
        }
      const press = b => {
        const fold = b.ops.length > 1;
        set({op: `${column.index}.${b.ops[b.ops.length - 1]}`, open: fold ? [...state.open, b.module] : state.open});
      };
      boxes.forEach(b => {
        const op = tape[b.ops[b.ops.length - 1]], group = b.ops.length > 1;
        const said = group ? `${b.module}, ${b.ops.length} ops, open it` : `${titleOf(tape, b)}, ${shapeText(op.shape)}${op.names.length ? `, ${op.names[0]}` : ''}`;
        const node = svg('g', {tabindex: 0, role: 'button', 'data-key': `op-${column.index}-${b.ops[0]}`, 'aria-label': said, class: 'op'},
          svg('rect', {x: b.x - boxWidth / 2, y: b.y, width: boxWidth, height: boxHeight, rx: isSum(tape, b) ? 15 : 4,
                       fill: b === chosen ? 'var(--plus)' : group ? 'var(--line)' : 'var(--pale)', stroke: b === chosen ? 'var(--plus)' : 'var(--soft)'}),
          text(titleOf(tape, b), b.x, b.y + 13, 'middle', b === chosen ? 'chosen' : ''),
          text(group ? `${b.ops.length} ops` : shapeText(op.shape), b.x, b.y + 25, 'middle', b === chosen ? 'chosen' : 'quiet'));
        node.addEventListener('click', () => press(b));
        node.addEventListener('keydown', event => {
          if (event.key !== 'Enter' && event.key !== ' ') return;
          event.preventDefault();
          press(b);
        });
        drawing.append(node);
      });
      const figure = draw.figure('The tape', `${tape.length} ops, what the loss was computed by; ${state.back ? 'gradients go from the bottom up' : 'values go down'}`,
                                 [drawing], [draw.svgButton('tape', drawing)]);
      return [figure, details(column, tape, modules, chosen)];
    });

    // Formula, shapes and norms of the chosen op.
    function details(column, tape, modules, chosen) {
      const line = (name, value) => h('p', {}, h('b', {}, `${name}: `), value);
      if (chosen.ops.length > 1)
        return h('div', {class: 'follows'}, h('h3', {}, chosen.module), line('Ops', chosen.ops.map(i => tape[i].op).join(', ')));
      const at = chosen.ops[0], op = tape[at], module = modules[at], {result} = column;
      const [forward, back] = formulas[op.op] || ['', ''], shapes = new Map(column.run.parameters.map(p => [p.name, p.shape]));
      const norms = op.names.filter(name => result.trace(name)).slice(0, 1).map(name =>
        line(name, `norm ${number(rules.norm(result.trace(name).data.filter(Number.isFinite)))}, of its gradient ${number(rules.norm(result.gradients.told.get(name)))}`));
      const closed = module && state.open.includes(module) ? h('button', {type: 'button', 'data-key': 'fold',
        onclick: () => set({open: state.open.filter(m => m !== module)})}, `Fold ${module}`) : null;
      return h('div', {class: 'follows'}, h('h3', {}, `${op.op}${module ? `, in ${module}` : ', in the residual stream'}`), forward ? line('Forward', forward) : null, back ? line('Backward', back) : null,
               line('Shapes', `${[...op.inputs.map(i => shapeText(tape[i].shape)), ...op.parameters.map(p => `${p} ${shapeText(shapes.get(p) || [])}`)].join(', ')} → ${shapeText(op.shape)}`),
               ...norms, closed);
    }
  };
  stations[10].formulas = formulas;
})();
