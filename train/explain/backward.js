// The way back: gradients of the loss with respect to everything that forward() told, and to every parameter.
'use strict';
const backward = ((engine) => {
  const {linearBack, layerNormBack, addTo, splitHeads, joinHeads, projection, parts, activations} = engine;

  // dA = dO V^T, dV = A^T dO, dS = A o (dA - rowsum(A o dA)), dQ = dS K scale, dK = dS^T Q scale; all per head.
  function attentionBack({q, k, v, weights}, dmixed, heads, T, D, scale, skipped) {
    const dq = new Float64Array(q.length), dk = new Float64Array(k.length), dv = new Float64Array(v.length);
    const dweights = new Float64Array(weights.length), dscores = new Float64Array(weights.length);
    for (let h = 0; h < heads; ++h) {
      if (skipped(h)) continue;
      for (let t = 0; t < T; ++t) {
        const row = (h * T + t) * T, from = (h * T + t) * D;
        let along = 0;  // sum_s A dA
        for (let s = 0; s < T; ++s) {
          const a = weights[row + s], other = (h * T + s) * D;
          let sum = 0;
          for (let i = 0; i < D; ++i) {
            sum += dmixed[from + i] * v[other + i];
            dv[other + i] += a * dmixed[from + i];
          }
          dweights[row + s] = sum;
          along += a * sum;
        }
        for (let s = 0; s < T; ++s) {
          const ds = dscores[row + s] = weights[row + s] * (dweights[row + s] - along), other = (h * T + s) * D;
          if (ds === 0) continue;
          for (let i = 0; i < D; ++i) {
            dq[from + i] += ds * k[other + i] * scale;
            dk[other + i] += ds * q[from + i] * scale;
          }
        }
      }
    }
    return {dq, dk, dv, dweights, dscores};
  }

  function embedBack(model, pass, dx, grads) {
    const d = model.width;
    if (model.kind === 'image') {
      const patches = engine.patchesOf(model, pass.inputs), size = model.patch ** 2, rest = dx.subarray(d);
      addTo(grads.get('cls_token'), dx.subarray(0, d));
      if (!pass.changes.zeroPositions) addTo(grads.get('patch_embedding.position_embeddings'), rest);
      linearBack(null, grads.get('patch_embedding.patch_embeddings.weight'),
                 grads.get('patch_embedding.patch_embeddings.bias'), rest, patches, null, rest.length / d, size, d);
      return;
    }
    const tokens = grads.get('token_embeddings.weight'), places = grads.get('position_embeddings.embedding.weight');
    pass.inputs.forEach((token, t) => {
      for (let i = 0; i < d; ++i) {
        tokens[token * d + i] += dx[t * d + i];
        if (!pass.changes.zeroPositions) places[t * d + i] += dx[t * d + i];
      }
    });
  }

  // pass: of forward(); dlogits (answers, classes). -> {told: name -> gradient, parameters: name -> gradient}
  return function (model, pass, dlogits) {
    const {width: d, heads, mlp, parameters: p} = model, D = d / heads, T = pass.T;
    const grads = new Map([...p].map(([name, numbers]) => [name, new Float64Array(numbers.length)]));
    const told = new Map([['logits', dlogits]]);
    const value = name => pass.trace.get(name).data;
    const zeros = name => {
      told.set(name, new Float64Array(value(name).length));
      return told.get(name);
    };
    const back = (dx, name, dy, x, rows, inner, out) =>
      linearBack(dx, grads.get(name + '.weight'), grads.get(name + '.bias'), dy, x, p.get(name + '.weight'), rows,
                 inner, out);
    // Without norms, what was told as a norm's output is its input.
    const normBack = (dx, name, dy, saved, rows) => {
      if (!model.norms) {
        addTo(dx, dy);
        told.set(name === 'norm' ? 'features' : name, dx);
        return;
      }
      layerNormBack(dx, grads.get(name + '.weight'), grads.get(name + '.bias'), dy, saved, p.get(name + '.weight'),
                    rows, d);
    };

    const dfeatures = zeros('features');
    back(dfeatures, engine.headOf(model), dlogits, value('features'), pass.answers, d, model.classes);
    let dx = new Float64Array(dfeatures.length);
    normBack(dx, 'norm', dfeatures, pass.last, dx.length / d);
    for (let l = model.layers - 1; l >= 0; --l) {
      const block = `blocks.${l}`, attn = `${block}.attn`, {norm1, norm2, joined, R} = pass.saved[l];
      told.set(`${block}.resid_post`, dx);
      told.set(`${block}.mlp.output`, dx);
      const dactive = zeros(`${block}.mlp.activation`);
      back(dactive, `${block}.mlp.linear2`, dx, value(`${block}.mlp.activation`), R, mlp, d);
      const hidden = value(`${block}.mlp.hidden`), {slope} = activations[model.act];
      const dhidden = dactive.map((g, i) => g * slope(hidden[i]));
      told.set(`${block}.mlp.hidden`, dhidden);
      const dnorm2 = zeros(`${block}.norm2`);
      back(dnorm2, `${block}.mlp.linear1`, dhidden, value(`${block}.norm2`), R, d, mlp);
      const dmid = dx.slice();
      normBack(dmid, `${block}.norm2`, dnorm2, norm2, R);
      told.set(`${block}.resid_mid`, dmid);
      told.set(`${attn}.output`, dmid);

      const djoined = new Float64Array(T * d);
      back(djoined, `${attn}.out_proj`, dmid, joined, R, d, d);
      const dmixed = splitHeads(djoined, T, heads, D);
      told.set(`${attn}.heads`, dmixed);
      const [q, k, v] = parts.map(part => value(`${attn}.${part}`));
      const skipped = h => (pass.changes.knockedOut || []).includes(`${l}.${h}`);
      const found = attentionBack({q, k, v, weights: value(`${attn}.weights`)}, dmixed, heads, T, D, pass.scale,
                                  skipped);
      told.set(`${attn}.weights`, found.dweights);
      told.set(`${attn}.scores`, found.dscores);
      const dnorm1 = zeros(`${block}.norm1`);
      for (const part of parts) {
        told.set(`${attn}.${part}`, found['d' + part]);
        linearBack(dnorm1, projection(grads, block, part, 'weight'), projection(grads, block, part, 'bias'),
                   joinHeads(found['d' + part], T, heads, D), norm1.y, projection(p, block, part, 'weight'), T, d, d);
      }
      dx = new Float64Array(T * d);
      dx.set(dmid);  // the rows that went on
      normBack(dx, `${block}.norm1`, dnorm1, norm1, T);
      told.set(`${block}.resid_pre`, dx);
    }
    told.set('embedding', dx);
    embedBack(model, pass, dx, grads);
    return {told, parameters: grads};
  };
})(typeof engine !== 'undefined' ? engine : require('./engine.js').engine);
if (typeof module !== 'undefined') module.exports = {backward};
