// Holds what the page computes against the record that Lockstep wrote for the first example.
'use strict';
const agreement = (() => {
  const measured = numbers => {
    let sum = 0, squares = 0, count = 0;
    for (const x of numbers) {
      if (!Number.isFinite(x)) continue;  // hidden by a mask
      sum += x;
      squares += x * x;
      ++count;
    }
    return {sum, norm: Math.sqrt(squares), count};
  };
  // The larger relative difference of sum and norm. A sum of n numbers is as uncertain as norm * sqrt(n); what is
  // tiny beside `scale` counts as zero.
  function apart(numbers, sum, norm, scale) {
    const found = measured(numbers), size = Math.max(norm, 1e-6 * scale, Number.MIN_VALUE);
    return Math.max(Math.abs(found.norm - norm) / size,
                    Math.abs(found.sum - sum) / (size * Math.sqrt(Math.max(found.count, 1))));
  }

  // result: of models.explained for the first example, unchanged. -> {worst, where, compared}
  return function (result, record) {
    const all = [...record.traced, ...record.parameters];
    const scale = Math.max(...all.map(r => r.gradient_norm));
    let worst = Math.abs(result.loss - record.loss) / Math.abs(record.loss), where = 'the loss', compared = 1;
    const compare = (numbers, sum, norm, size, what) => {
      const difference = numbers ? apart(numbers, sum, norm, size) : Infinity;
      ++compared;
      if (!(difference <= worst)) [worst, where] = [difference, what];
    };
    const {told, parameters} = result.gradients;
    for (const r of record.traced) {
      const there = result.trace(r.name);
      compare(there && there.data, r.sum, r.norm, 0, r.name);
      compare(told.get(r.name), r.gradient_sum, r.gradient_norm, scale, `the gradient of ${r.name}`);
    }
    for (const r of record.parameters) {
      compare(result.model.parameters.get(r.name), r.sum, r.norm, 0, r.name);
      compare(parameters.get(r.name), r.gradient_sum, r.gradient_norm, scale, `the gradient of ${r.name}`);
    }
    return {worst, where, compared};
  };
})();
if (typeof module !== 'undefined') module.exports = {agreement};
