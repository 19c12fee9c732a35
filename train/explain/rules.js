// What an optimizer's rule makes of one gradient: the first step of a fresh optimizer, for a matrix or its parts.
'use strict';
const rules = (engine => {
  const eps = 1e-8, newtonSchulz = [3.4445, -4.775, 2.0315];
  const norm = x => Math.sqrt(x.reduce((sum, a) => sum + a * a, 0));
  const scaled = (x, factor) => x.map(a => a * factor);

  const {transposed} = engine;
  const product = (a, b, rows, inner, columns) => engine.addProduct(new Float64Array(rows * columns), a, b, rows, inner, columns);

  // X = a X + (b S + c S^2) X with S = X X^T, five times from X / |X| on: all singular values move towards 1.
  function orthogonalized(x, rows, columns) {
    if (rows > columns) return transposed(orthogonalized(transposed(x, rows, columns), columns, rows), columns, rows);
    let now = scaled(x, 1 / Math.max(norm(x), 1e-7));
    const [a, b, c] = newtonSchulz;
    for (let step = 0; step < 5; ++step) {
      const gram = product(now, transposed(now, rows, columns), rows, columns, rows);
      const square = product(gram, gram, rows, rows, rows), polynomial = gram.map((g, i) => b * g + c * square[i]);
      const next = product(polynomial, now, rows, rows, columns);
      now = now.map((v, i) => a * v + next[i]);
    }
    return now;
  }

  // u = what a rule subtracts, per unit of learning rate, of a matrix w (rows, columns) with the gradient g.
  const adam = g => g.map(x => x / (Math.abs(x) + eps));  // m / (sqrt(v) + eps) after one step
  const list = {
    sgd: {title: 'SGD', sees: 'every number by itself', direction: (w, g) => g.slice()},
    adam: {title: 'Adam', sees: 'every number by itself', direction: (w, g) => adam(g)},
    lamb: {title: 'LAMB', sees: 'the norms of the whole matrix', direction(w, g) {
      const u = adam(g), ofWeights = norm(w), ofUpdate = norm(u);
      return scaled(u, ofWeights > 0 && ofUpdate > 0 ? ofWeights / ofUpdate : 1);
    }},
    muon: {title: 'Muon', sees: 'the singular values of the whole matrix', direction(w, g, rows, columns) {
      return scaled(orthogonalized(g, rows, columns), Math.sqrt(Math.max(1, rows / columns)));
    }},
  };

  // The direction for w (rows, columns) where the rule takes `groups` equal groups of rows for a matrix each.
  function direction(rule, w, g, rows, columns, groups) {
    const result = new Float64Array(w.length), size = w.length / groups;
    for (let i = 0; i < groups; ++i) {
      const from = i * size, to = from + size;
      result.set(list[rule].direction(w.subarray(from, to), g.subarray(from, to), rows / groups, columns), from);
    }
    return result;
  }

  // Eigenvalues of a symmetric matrix (n, n), by Jacobi's rotations, and so the singular values of x, falling.
  function singularValues(x, rows, columns) {
    if (rows < columns) return singularValues(transposed(x, rows, columns), columns, rows);
    const n = columns, a = product(transposed(x, rows, n), x, n, rows, n);
    const trace = Array.from({length: n}, (_, i) => a[i * n + i]).reduce((s, v) => s + v, 0);
    for (let sweep = 0; sweep < 30; ++sweep) {
      let off = 0;
      for (let p = 0; p < n; ++p)
        for (let q = p + 1; q < n; ++q) {
          const apq = a[p * n + q];
          off += apq * apq;
          if (Math.abs(apq) < 1e-16 * trace) continue;
          const theta = (a[q * n + q] - a[p * n + p]) / (2 * apq);
          const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
          const c = 1 / Math.sqrt(t * t + 1), s = t * c;
          for (let k = 0; k < n; ++k) {
            const kp = a[k * n + p], kq = a[k * n + q];
            a[k * n + p] = c * kp - s * kq;
            a[k * n + q] = s * kp + c * kq;
          }
          for (let k = 0; k < n; ++k) {
            const pk = a[p * n + k], qk = a[q * n + k];
            a[p * n + k] = c * pk - s * qk;
            a[q * n + k] = s * pk + c * qk;
          }
        }
      if (off <= 1e-18 * trace * trace) break;
    }
    return Array.from({length: n}, (_, i) => Math.sqrt(Math.max(a[i * n + i], 0))).sort((u, v) => v - u);
  }

  return {list, direction, orthogonalized, singularValues, norm};
})(typeof engine !== 'undefined' ? engine : require('./engine.js').engine);
if (typeof module !== 'undefined') module.exports = {rules};
