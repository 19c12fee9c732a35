// The page's data: runs, the weights at each kept step, and what was computed with them, each computed once.
'use strict';
const models = ((engine, backward) => {
  // An IEEE half as a number.
  function half(bits) {
    const sign = bits & 0x8000 ? -1 : 1, exponent = bits >> 10 & 31, fraction = bits & 1023;
    return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
  }
  const bytesOf = text => Uint8Array.from(atob(text), c => c.charCodeAt(0));
  // What train/explain/embedded_weights.h calls a difference, added to the bytes of `before`.
  function added(before, difference, type) {
    const numbers = type === 'f32' ? new Uint32Array(before.buffer) : new Uint16Array(before.buffer);
    let at = 0;
    const next = () => {
      let number = 0, unit = 1;
      for (; difference[at] > 127; unit *= 128) number += (difference[at++] - 128) * unit;
      return number + difference[at++] * unit;
    };
    for (let i = 0; i < numbers.length; ++i) {
      const code = next();
      if (code === 0) i += next();
      else numbers[i] += code % 2 ? -(code + 1) / 2 : code / 2;
    }
    return before;
  }
  const stored = step => step.weights !== undefined ? bytesOf(step.weights)
                                                    : added(stored(step.first), bytesOf(step.difference), step.type);
  function decoded(step) {
    const bytes = stored(step);
    return step.type === 'f32' ? Float64Array.from(new Float32Array(bytes.buffer))
                               : Float64Array.from(new Uint16Array(bytes.buffer), half);
  }
  // The page's data. The second run's weights may be told by their difference from the first's; the names of what
  // was recorded stand there once for all steps.
  function parse(text) {
    const data = JSON.parse(text);
    const named = (names, numbers) => numbers.map(([sum, norm, gradient_sum, gradient_norm], i) =>
      ({name: names[i], sum, norm, gradient_sum, gradient_norm}));
    for (const run of data.runs) {
      run.tape = run.tape.map(([op, shape, inputs, parameters, names]) => ({op, shape, inputs, parameters, names}));
      run.steps.forEach((step, i) => {
        step.first = data.runs[0].steps[i];
        step.record.traced = named(run.traced, step.record.traced);
        step.record.parameters = named(run.stored, step.record.parameters);
      });
    }
    return data;
  }
  const count = shape => shape.reduce((a, b) => a * b, 1);

  // The model of a run with the weights of its kept step number `index`.
  function at(run, index) {
    run.models = run.models || [];
    if (run.models[index]) return run.models[index];
    const all = decoded(run.steps[index]), parameters = new Map();
    let from = 0;
    for (const {name, shape} of run.parameters) {
      parameters.set(name, all.subarray(from, from += count(shape)));
    }
    return run.models[index] = {...run.model, parameters};
  }

  // Forward, loss and, when first asked for, backward of an example.
  function explained(model, example, changes) {
    const pass = engine.forward(model, example.inputs, changes);
    const loss = engine.crossEntropy(pass, example.targets, model.classes);
    let gradients = null;
    return {model, example, pass, ...loss, trace: name => pass.trace.get(name),
            get gradients() { return gradients = gradients || backward(model, pass, loss.gradient); }};
  }

  // d loss / d (one number of a traced tensor), by moving it: (L(x + h) - L(x - h)) / 2h.
  function finiteDifference(model, example, changes, name, index) {
    const h = 1e-4;
    const moved = by => explained(model, example, {...changes, nudge: {name, index, by}}).loss;
    return (moved(h) - moved(-h)) / (2 * h);
  }
  // The same of a parameter, which is put back.
  function parameterDifference(model, example, changes, name, index) {
    const h = 1e-4, numbers = model.parameters.get(name), before = numbers[index];
    const moved = by => {
      numbers[index] = before + by;
      return explained(model, example, changes).loss;
    };
    const slope = (moved(h) - moved(-h)) / (2 * h);
    numbers[index] = before;
    return slope;
  }

  return {parse, at, explained, finiteDifference, parameterDifference, count, half};
})(typeof engine !== 'undefined' ? engine : require('./engine.js').engine,
   typeof backward !== 'undefined' ? backward : require('./backward.js').backward);
if (typeof module !== 'undefined') module.exports = {models};
