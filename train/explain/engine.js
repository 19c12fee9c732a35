// The model in the page: forward and backward of one sequence, in double precision, with the names of nn::Trace.
//
// A model: {kind, causal, classes, length, layers, width, heads, mlp, act, norms, rows, parameters}; `parameters`
// maps a name to its numbers as Lockstep stores them, and `rows` is how many positions leave the last block.
// Matrices are flat arrays, row after row; a linear layer's weight is (out, in).
'use strict';
const engine = (() => {
  // ---- matrices ----

  // c (rows, columns) += a (rows, inner) b (inner, columns), four rows of b at a time
  function addProduct(c, a, b, rows, inner, columns) {
    const whole = inner - inner % 4;
    for (let r = 0; r < rows; ++r) {
      const at = r * columns, from = r * inner;
      for (let i = 0; i < whole; i += 4) {
        const a0 = a[from + i], a1 = a[from + i + 1], a2 = a[from + i + 2], a3 = a[from + i + 3];
        if (a0 === 0 && a1 === 0 && a2 === 0 && a3 === 0) continue;
        const b0 = i * columns, b1 = b0 + columns, b2 = b1 + columns, b3 = b2 + columns;
        for (let j = 0; j < columns; ++j)
          c[at + j] += a0 * b[b0 + j] + a1 * b[b1 + j] + (a2 * b[b2 + j] + a3 * b[b3 + j]);
      }
      for (let i = whole; i < inner; ++i)
        for (let j = 0; j < columns; ++j) c[at + j] += a[from + i] * b[i * columns + j];
    }
    return c;
  }
  function transposed(a, rows, columns) {
    const b = new Float64Array(a.length);
    for (let r = 0; r < rows; ++r)
      for (let c = 0; c < columns; ++c) b[c * rows + r] = a[r * columns + c];
    return b;
  }

  // ---- one layer each: y = f(x), and what the gradient of y makes of that of x ----

  // y (T, out) = x (T, in) W^T + b
  function linear(x, w, b, T, inner, out) {
    const y = new Float64Array(T * out);
    if (b) for (let t = 0; t < T; ++t) y.set(b, t * out);
    return addProduct(y, x, transposed(w, out, inner), T, inner, out);
  }
  // dx += dy W, dW += dy^T x, db += sum_t dy
  function linearBack(dx, dw, db, dy, x, w, T, inner, out) {
    if (dx) addProduct(dx, dy, w, T, out, inner);
    addProduct(dw, transposed(dy, T, out), x, out, T, inner);
    if (db) for (let i = 0; i < T * out; ++i) db[i % out] += dy[i];
  }

  // y = (x - mean) / sqrt(variance + 1e-5) w + b, row by row
  function layerNorm(x, w, b, T, d) {
    const y = new Float64Array(T * d), normed = new Float64Array(T * d), inverse = new Float64Array(T);
    for (let t = 0; t < T; ++t) {
      let mean = 0, variance = 0;
      for (let i = 0; i < d; ++i) mean += x[t * d + i] / d;
      for (let i = 0; i < d; ++i) variance += (x[t * d + i] - mean) ** 2 / d;
      inverse[t] = 1 / Math.sqrt(variance + 1e-5);
      for (let i = 0; i < d; ++i) {
        normed[t * d + i] = (x[t * d + i] - mean) * inverse[t];
        y[t * d + i] = normed[t * d + i] * w[i] + b[i];
      }
    }
    return {y, normed, inverse};
  }
  function layerNormBack(dx, dw, db, dy, {normed, inverse}, w, T, d) {
    for (let t = 0; t < T; ++t) {
      let mean = 0, along = 0;  // of dy w, and of dy w normed
      for (let i = 0; i < d; ++i) {
        const at = t * d + i, g = dy[at] * w[i];
        mean += g / d;
        along += g * normed[at] / d;
        dw[i] += dy[at] * normed[at];
        db[i] += dy[at];
      }
      for (let i = 0; i < d; ++i) {
        const at = t * d + i;
        dx[at] += inverse[t] * (dy[at] * w[i] - mean - normed[at] * along);
      }
    }
  }

  // erf by the series of positive terms 2/sqrt(pi) exp(-x^2) sum_n 2^n x^(2n+1) / (2n+1)!!
  function erf(x) {
    if (x < 0) return -erf(-x);
    if (x > 6) return 1;
    let term = x, sum = x;
    for (let n = 1; term > 1e-17 * sum; ++n) sum += term *= 2 * x * x / (2 * n + 1);
    return 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum;
  }
  const normalCdf = x => (1 + erf(x / Math.SQRT2)) / 2;
  const activations = {
    gelu: {of: x => x * normalCdf(x),
           slope: x => normalCdf(x) + x * Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI)},
    relu: {of: x => Math.max(x, 0), slope: x => x > 0 ? 1 : 0},
  };

  function softmax(row) {
    const largest = row.reduce((a, b) => Math.max(a, b), -Infinity);
    const y = row.map(x => Math.exp(x - largest)), sum = y.reduce((a, b) => a + b, 0);
    return y.map(x => x / sum);
  }

  const plus = (a, b) => a.map((x, i) => x + b[i]);
  const addTo = (a, b) => { for (let i = 0; i < b.length; ++i) a[i] += b[i]; };
  // (T, heads D) <-> (heads, T, D)
  function splitHeads(x, T, heads, D) {
    const y = new Float64Array(x.length);
    for (let t = 0; t < T; ++t)
      for (let h = 0; h < heads; ++h)
        for (let i = 0; i < D; ++i) y[(h * T + t) * D + i] = x[(t * heads + h) * D + i];
    return y;
  }
  function joinHeads(x, T, heads, D) {
    const y = new Float64Array(x.length);
    for (let t = 0; t < T; ++t)
      for (let h = 0; h < heads; ++h)
        for (let i = 0; i < D; ++i) y[(t * heads + h) * D + i] = x[(h * T + t) * D + i];
    return y;
  }

  // ---- where things are ----

  // The rows of q, k or v in `numbers` (parameters or their gradients): of one combined tensor, or of its own.
  function projection(numbers, block, part, kind) {
    const combined = numbers.get(`${block}.attn.qkv.${kind}`);
    if (!combined) return numbers.get(`${block}.attn.to_${part}.${kind}`);
    const size = combined.length / 3, at = 'qkv'.indexOf(part) * size;
    return combined.subarray(at, at + size);
  }
  const parts = ['q', 'k', 'v'];
  // How many positions a model's sequence has: a picture's patches, and the class token before them.
  const positions = (model, inputs) => model.kind === 'image' ? (model.length / model.patch) ** 2 + 1 : inputs.length;

  // ---- forward ----

  // What goes into the first block.
  function embed(model, inputs, changes) {
    const p = model.parameters, d = model.width;
    if (model.kind === 'image') {
      const w = p.get('patch_embedding.patch_embeddings.weight'), b = p.get('patch_embedding.patch_embeddings.bias');
      const patches = patchesOf(model, inputs), size = model.patch ** 2, count = patches.length / size;
      const x = linear(patches, w, b, count, size, d);
      if (!changes.zeroPositions) addTo(x, p.get('patch_embedding.position_embeddings'));
      const all = new Float64Array((count + 1) * d);
      all.set(p.get('cls_token'));
      all.set(x, d);
      return all;
    }
    const tokens = p.get('token_embeddings.weight'), places = p.get('position_embeddings.embedding.weight');
    const x = new Float64Array(inputs.length * d);
    inputs.forEach((token, t) => {
      for (let i = 0; i < d; ++i)
        x[t * d + i] = tokens[token * d + i] + (changes.zeroPositions ? 0 : places[t * d + i]);
    });
    return x;
  }
  // (side, side) pixels -> (patches, patch * patch)
  function patchesOf(model, pixels) {
    const side = model.length, size = model.patch, across = side / size;
    return Float64Array.from(pixels, (_, n) => {
      const patch = Math.floor(n / size ** 2), inside = n % size ** 2;
      const y = Math.floor(patch / across) * size + Math.floor(inside / size);
      return pixels[y * side + (patch % across) * size + inside % size];
    });
  }

  // inputs: tokens or pixels. changes: {knockedOut: ["layer.head"], zeroPositions, unscaled,
  // nudge: {name, index, by}}. -> {trace: name -> {shape, data}, saved, T}
  function forward(model, inputs, changes = {}) {
    const {width: d, heads, mlp, parameters: p} = model, D = d / heads, T = positions(model, inputs);
    const trace = new Map(), saved = [];
    const tell = (name, shape, data) => {
      if (changes.nudge && changes.nudge.name === name) {
        data = data.slice();
        data[changes.nudge.index] += changes.nudge.by;
      }
      trace.set(name, {shape, data});
      return data;
    };
    const norm = (name, told, x, rows) => {
      if (!model.norms) return {y: tell(told, [rows, d], x)};
      const result = layerNorm(x, p.get(name + '.weight'), p.get(name + '.bias'), rows, d);
      result.y = tell(told, [rows, d], result.y);
      return result;
    };
    const scale = changes.unscaled ? 1 : 1 / Math.sqrt(D);
    let x = tell('embedding', [T, d], embed(model, inputs, changes));
    for (let l = 0; l < model.layers; ++l) {
      const block = `blocks.${l}`, attn = `${block}.attn`;
      const R = l === model.layers - 1 ? model.rows || T : T;  // rows that go on
      const before = x = tell(`${block}.resid_pre`, [T, d], x);
      const norm1 = norm(`${block}.norm1`, `${block}.norm1`, x, T);
      const [q, k, v] = parts.map(part => tell(`${attn}.${part}`, [heads, T, D], splitHeads(
        linear(norm1.y, projection(p, block, part, 'weight'), projection(p, block, part, 'bias'), T, d, d),
        T, heads, D)));
      let scores = new Float64Array(heads * T * T).fill(-Infinity);
      for (let h = 0; h < heads; ++h)
        for (let t = 0; t < T; ++t)
          for (let s = 0; s <= (model.causal ? t : T - 1); ++s) {
            let sum = 0;
            for (let i = 0, a = (h * T + t) * D, b = (h * T + s) * D; i < D; ++i) sum += q[a + i] * k[b + i];
            scores[(h * T + t) * T + s] = sum * scale;
          }
      scores = tell(`${attn}.scores`, [heads, T, T], scores);
      let weights = new Float64Array(scores.length);
      for (let row = 0; row < heads * T; ++row)
        weights.set(softmax(scores.subarray(row * T, (row + 1) * T)), row * T);
      weights = tell(`${attn}.weights`, [heads, T, T], weights);
      let mixed = new Float64Array(heads * T * D);
      for (let h = 0; h < heads; ++h) {
        if (changes.knockedOut && changes.knockedOut.includes(`${l}.${h}`)) continue;
        for (let t = 0; t < T; ++t)
          for (let s = 0; s < T; ++s) {
            const a = weights[(h * T + t) * T + s];
            if (a !== 0)
              for (let i = 0; i < D; ++i) mixed[(h * T + t) * D + i] += a * v[(h * T + s) * D + i];
          }
      }
      mixed = tell(`${attn}.heads`, [heads, T, D], mixed);
      const joined = joinHeads(mixed, T, heads, D);
      const output = tell(`${attn}.output`, [R, d],
                          linear(joined, p.get(`${attn}.out_proj.weight`), p.get(`${attn}.out_proj.bias`), R, d, d));
      const mid = tell(`${block}.resid_mid`, [R, d], plus(output, before));
      const norm2 = norm(`${block}.norm2`, `${block}.norm2`, mid, R);
      const hidden = tell(`${block}.mlp.hidden`, [R, mlp],
                          linear(norm2.y, p.get(`${block}.mlp.linear1.weight`), p.get(`${block}.mlp.linear1.bias`),
                                 R, d, mlp));
      const active = tell(`${block}.mlp.activation`, [R, mlp], hidden.map(activations[model.act].of));
      const added = tell(`${block}.mlp.output`, [R, d],
                         linear(active, p.get(`${block}.mlp.linear2.weight`), p.get(`${block}.mlp.linear2.bias`),
                                R, mlp, d));
      x = tell(`${block}.resid_post`, [R, d], plus(added, mid));
      saved.push({norm1, norm2, joined, R});
    }
    const rows = x.length / d, last = norm('norm', 'features', x, rows);
    const answers = model.kind === 'image' ? 1 : rows, head = headOf(model);
    const logits = tell('logits', [answers, model.classes],
                        linear(last.y, p.get(head + '.weight'), p.get(head + '.bias'), answers, d, model.classes));
    return {trace, saved, last, T, logits, answers, scale, inputs, changes};
  }
  const headOf = model => model.kind === 'image' ? 'classification_head' : 'to_logits';

  // Mean cross entropy over the targets that count; -100 does not. -> {loss, p, gradient, each}
  function crossEntropy(pass, targets, classes) {
    const p = new Float64Array(pass.logits.length), gradient = new Float64Array(p.length);
    const counted = targets.filter(y => y >= 0).length, each = [];
    let loss = 0;
    targets.forEach((target, t) => {
      const at = t * classes, row = softmax(pass.logits.subarray(at, at + classes));
      p.set(row, at);
      each.push(target >= 0 ? -Math.log(row[target]) : null);
      if (target < 0) return;
      loss += each[t] / counted;
      for (let c = 0; c < classes; ++c) gradient[at + c] = (row[c] - (c === target ? 1 : 0)) / counted;
    });
    return {loss, p, gradient, each, counted};
  }

  return {addProduct, transposed, linear, linearBack, layerNorm, layerNormBack, erf, activations, softmax, plus, addTo, splitHeads, joinHeads,
          projection, parts, positions, patchesOf, forward, headOf, crossEntropy};
})();
if (typeof module !== 'undefined') module.exports = {engine};
