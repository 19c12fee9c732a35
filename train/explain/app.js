// The page: its state, which is the address's fragment, what is always visible, keys, and printing.
'use strict';
(() => {
  const {h, number} = draw, $ = id => document.getElementById(id);
  const data = models.parse($('data').textContent), runs = data.runs, {model} = runs[0], kept = runs[0].steps;
  const T = engine.positions(model, data.examples[0].inputs), image = model.kind === 'image';

  // ---- state ----

  // In the fragment under one letter or two; what has its default is left out.
  const keys = {station: 's', step: 'n', layer: 'l', head: 'h', query: 'q', key: 'k', row: 'r', col: 'c', part: 'p', back: 'b', example: 'x',
                formula: 'f', rule: 'u', unscaled: 'z', present: 'pr', knocked: 'o', zero: 'np', tokens: 't', trained: 'tr',
                open: 'g', op: 'e', run: 'w'};
  const defaults = {station: 1, step: kept.length - 1, layer: 0, head: 0, query: image ? 0 : Math.min(T - 1, Math.ceil(T * 0.65)), key: -1, row: 0,
                    col: 0, part: 'q', back: false, example: 0, formula: 3, rule: 'muon', unscaled: false, present: false, knocked: [],
                    zero: false, tokens: null, trained: '', open: [], op: '', run: 0};
  const most = {station: 10, step: kept.length - 1, layer: model.layers - 1, head: model.heads - 1, query: T - 1, key: T - 1,
                row: 3 * model.width - 1, col: 1e4, example: data.examples.length - 1, formula: 6, run: runs.length - 1};
  let state = {...defaults};

  function fromFragment() {
    const given = new URLSearchParams(location.hash.slice(1)), next = {...defaults};
    for (const [name, letter] of Object.entries(keys)) {
      if (!given.has(letter)) continue;
      const text = given.get(letter), usual = defaults[name];
      if (typeof usual === 'boolean') next[name] = text === '1';
      else if (name === 'step') next.step = kept.findIndex(s => s.step === Number(text));
      else if (typeof usual === 'number') next[name] = Number(text);
      else if (name === 'knocked') next.knocked = text.split(',').filter(x => /^\d+\.\d+$/.test(x));
      else if (name === 'open') next.open = text.split(',').filter(x => /^[\w.]+$/.test(x));
      else if (name === 'tokens') next.tokens = text.split(',').map(Number);
      else next[name] = text;
    }
    for (const [name, end] of Object.entries(most)) {
      const least = name === 'station' ? 1 : name === 'key' ? -1 : 0;
      if (!(Number.isInteger(next[name]) && next[name] >= least && next[name] <= end)) next[name] = defaults[name];
    }
    if (!engine.parts.includes(next.part)) next.part = defaults.part;
    if (!(next.rule in rules.list)) next.rule = defaults.rule;
    if (!(next.trained in {...rules.list, '': 0})) next.trained = '';
    const whole = next.tokens && next.tokens.length === T && next.tokens.every(x => Number.isInteger(x) && x >= 0 && x < model.vocabulary);
    if (!whole || image) next.tokens = null;
    return next;
  }
  function fragment() {
    const given = new URLSearchParams();
    for (const [name, letter] of Object.entries(keys)) {
      const value = state[name];
      if (String(value) === String(defaults[name]) && name !== 'station') continue;
      given.set(letter, value === true ? '1' : value === false ? '0' : name === 'step' ? kept[value].step : String(value));
    }
    return '#' + given.toString().replace(/%2C/g, ',');
  }
  function set(changes) {
    state = {...state, ...changes};
    history.replaceState(null, '', fragment());
    render();
  }

  // ---- what is computed ----

  const remembered = new Map();
  function remember(key, make) {
    if (!remembered.has(key)) {
      if (remembered.size > 12) remembered.delete(remembered.keys().next().value);
      remembered.set(key, make());
    }
    return remembered.get(key);
  }
  // An example with other tokens; where the task asks for the next token, the targets follow.
  function exampleNow() {
    const original = data.examples[state.example], inputs = state.tokens;
    if (!inputs) return original;
    const next = original.targets.every((y, t) => y < 0 || t === T - 1 || y === original.inputs[t + 1]);
    if (!next) return {...original, inputs};
    const period = periodOf(inputs);
    const after = t => t < T - 1 ? inputs[t + 1] : period ? inputs[T - period] : original.targets[t];
    return {inputs, targets: original.targets.map((y, t) => y < 0 ? y : after(t))};
  }
  const rates = {sgd: 0.1, adam: 0.001};
  function trained(base, example, changes, rule) {
    const {gradients} = models.explained(base, example, changes);
    const parameters = new Map([...base.parameters].map(([name, w]) => {
      const u = rules.list[rule].direction(w, gradients.parameters.get(name));
      return [name, w.map((x, i) => x - rates[rule] * u[i])];
    }));
    return {...base, parameters};
  }
  function columns() {
    const example = exampleNow(), changes = {knockedOut: state.knocked, zeroPositions: state.zero, unscaled: state.unscaled};
    const tokens = String(state.tokens);
    return runs.map((run, index) => {
      const base = models.at(run, state.step);
      const plain = remember(`${index} ${state.step} ${state.example}`, () => models.explained(base, data.examples[state.example], {}));
      const what = `${index} ${state.step} ${state.example} ${tokens} ${JSON.stringify(changes)} ${state.trained}`;
      const result = remember(what, () => models.explained(
        state.trained ? trained(base, example, changes, state.trained) : base, example, changes));
      return {run, index, plain, result, title: runs.length > 1 ? `${run.name} (${run.settings.attention})` : run.name};
    });
  }

  // ---- names ----

  const token = v => !data.alphabet ? String(v) : data.alphabet[v] === '\n' ? '↵' : data.alphabet[v] === ' ' ? '␣' : data.alphabet[v];
  const across = image ? model.length / model.patch : 0;
  const inputs = () => state.tokens || data.examples[state.example].inputs;
  const names = {
    alphabet: data.alphabet, token, answer: c => image ? String(c) : token(c),
    tick: t => image ? t : token(inputs()[t]),
    short: t => image ? (t === 0 ? 'class' : String(t)) : token(inputs()[t]),
    position: t => image ? (t === 0 ? 'class token' : `patch ${Math.floor((t - 1) / across) + 1}, ${(t - 1) % across + 1}`)
                         : `${t} (token ${token(inputs()[t])})`,
  };

  // ---- what is always visible ----

  const time = step => Math.log1p(step) / Math.log1p(Math.max(1, kept[kept.length - 1].step));
  function showTraining() {
    const {step, training_loss: loss, type} = kept[state.step], {training_loss: curve, validations} = runs[0].metrics;
    const series = runs.map((run, i) => ({name: run.name, points: run.metrics.training_loss, colour: i ? 'var(--plus)' : 'var(--minus)', dash: i ? '5 3' : ''}));
    const said = `Training loss over steps, from ${curve.length ? number(curve[0][1]) : '–'} to ${curve.length ? number(curve[curve.length - 1][1]) : '–'}`;
    if (curve.length) $('curve').replaceChildren(draw.lines({title: 'Training loss', say: said, series, x: time, at: step, width: 420, height: 70, bare: true}));
    const validation = validations.find(v => v[0] === step);
    $('step-name').textContent = `Step ${step}${loss == null ? '' : `, training loss ${number(loss)}`}`
      + `${validation ? `, validation loss ${number(validation[1])}, ${(100 * validation[2]).toFixed(1)}% right` : ''}${type === 'f16' ? ' (weights in f16)' : ''}`;
    const slider = $('step');
    slider.max = kept.length - 1;
    slider.value = state.step;
    slider.disabled = kept.length < 2;
    slider.setAttribute('aria-valuetext', `step ${step}`);
  }
  function showTokens(list) {
    const {result} = list[0], seen = result.trace(`blocks.${state.layer}.attn.weights`).data, colour = draw.palette();
    const row = seen.subarray((state.head * T + state.query) * T, (state.head * T + state.query + 1) * T);
    $('tokens').replaceChildren(...Array.from({length: T}, (_, t) => {
      const asked = !image && result.example.targets[t] >= 0;
      const button = h('button', {type: 'button', 'data-key': `token-${t}`, 'aria-pressed': String(t === state.query), class: asked ? 'asked' : '',
                                  'aria-label': `query ${names.position(t)}, looked at with ${number(row[t])}`, onclick: () => set({query: t, key: -1})},
                       names.short(t), h('small', {'aria-hidden': 'true'}, t));
      button.style.backgroundColor = colour(0.75 * row[t]);
      return button;
    }));
    $('tokens-read').textContent = `${image ? 'Patches of the picture' : 'Large: the token, small: its position'}. Outlined: the query. Orange: how much head ${state.head} `
      + `of layer ${state.layer} looks there${image ? '' : '. Underlined: here the model is asked for the next token'}.`;
  }
  // Where a trained model is sure, losses and gradients are nearly nothing: the step at which half of the loss is left
  // shows more.
  const busiest = () => {
    const losses = kept.map(s => s.record.loss), half = Math.max(...losses) / 2;
    return losses.reduce((best, loss, i) => Math.abs(loss - half) < Math.abs(losses[best] - half) ? i : best, 0);
  };
  function hint(list) {
    const better = busiest();
    if (better === state.step || list[0].result.loss > 0.02 || kept[better].record.loss < 0.1) return null;
    return h('p', {class: 'sum wide hint'}, `At step ${kept[state.step].step} the model is sure, and the loss of this sequence is ${number(list[0].result.loss)}: there is little to see. `,
      h('button', {type: 'button', 'data-key': 'busiest', onclick: () => set({step: better})}, `Go to step ${kept[better].step}, in the middle of learning`));
  }
  function showAgreement() {
    const found = runs.map((run, i) => remember(`agreement ${i} ${state.step}`, () =>
      agreement(models.explained(models.at(run, state.step), data.examples[0], {}), run.steps[state.step].record)));
    const worst = found.reduce((a, b) => b.worst <= a.worst ? a : b), good = worst.worst < 1e-5, box = $('agreement');
    box.className = good ? 'agreement' : 'agreement bad';
    box.textContent = good ? `agrees with Lockstep to ${worst.worst.toExponential(0).replace('-', '−')} (${worst.compared} numbers of the first example)`
                           : `does NOT agree with Lockstep: ${worst.where} is off by ${worst.worst.toExponential(1)}`;
  }
  function showControls() {
    for (const name of ['layer', 'head', 'example']) $(name).value = state[name];
    $('forward').setAttribute('aria-pressed', String(!state.back));
    $('backward').setAttribute('aria-pressed', String(state.back));
    $('present').setAttribute('aria-pressed', String(state.present));
    document.documentElement.classList.toggle('presenter', state.present);
    for (const link of $('stations').children) {
      const here = Number(link.dataset.station) === state.station;
      here ? link.setAttribute('aria-current', 'page') : link.removeAttribute('aria-current');
      $(`station-${link.dataset.station}`).classList.toggle('shown', here);
    }
  }

  function fill(n, list) {
    const box = $(`station-${n}`).querySelector('.figures');
    box.replaceChildren(...[[6, 7, 8, 9].includes(n) ? hint(list) : null].filter(Boolean));
    stations[n](box, {state, set, columns: list, names, original: data.examples[state.example]});
  }
  function render() {
    const focused = document.activeElement && document.activeElement.dataset && document.activeElement.dataset.key;
    const list = columns();
    showTraining();
    showTokens(list);
    showControls();
    showAgreement();
    fill(state.station, list);
    if (!focused) return;
    const again = document.querySelector(`[data-key="${CSS.escape(focused)}"]`);
    if (again) again.focus({preventScroll: true});
  }

  // ---- controls and keys ----

  const move = (name, by) => set({[name]: Math.max(name === 'station' ? 1 : 0, Math.min(most[name], state[name] + by))});
  const ask = by => set({query: Math.max(0, Math.min(T - 1, state.query + by)), key: -1});
  const around = name => set({[name]: (state[name] + 1) % (most[name] + 1)});
  const pressed = {ArrowRight: () => move('step', 1), ArrowLeft: () => move('step', -1), ArrowDown: () => ask(1),
                   ArrowUp: () => ask(-1), b: () => set({back: !state.back}), p: () => set({present: !state.present}),
                   l: () => around('layer'), h: () => around('head')};
  for (let n = 1; n <= 9; ++n) pressed[n] = () => set({station: n});
  pressed.g = () => set({station: 10});
  document.addEventListener('keydown', event => {
    const inField = /^(select|input)$/i.test(event.target.tagName) && event.target.type !== 'checkbox';
    const action = pressed[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action || inField || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    action();
  });
  function options(name, texts) {
    $(name).replaceChildren(...texts.map((text, i) => h('option', {value: i}, text)));
    $(name).addEventListener('change', event => set({[name]: Number(event.target.value), ...(name === 'example' ? {tokens: null} : {})}));
  }
  options('layer', Array.from({length: model.layers}, (_, i) => i));
  options('head', Array.from({length: model.heads}, (_, i) => i));
  options('example', data.examples.map((_, i) => i + 1));
  $('step').addEventListener('input', event => set({step: Number(event.target.value)}));
  $('forward').addEventListener('click', () => set({back: false}));
  $('backward').addEventListener('click', () => set({back: true}));
  $('present').addEventListener('click', () => set({present: !state.present}));
  for (let n = 1; n <= most.station; ++n) {
    const link = h('a', {href: `#s=${n}`, 'data-station': n, 'data-key': `station-${n}`}, `${n > 9 ? '' : `${n} `}${$(`station-${n}`).dataset.title}`);
    link.addEventListener('click', event => {
      event.preventDefault();
      set({station: n});
    });
    $('stations').append(link);
  }
  window.addEventListener('hashchange', () => {
    state = fromFragment();
    render();
  });
  window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', render);
  // A station stands on one page of A4 or Letter: smaller, where it is too long for that.
  const page = {height: 960, least: 0.4};
  function fitPages() {
    document.querySelectorAll('main section').forEach((section, n) => {
      const room = page.height - (n === 0 ? document.querySelector('.top').offsetHeight : 0);
      for (let zoom = 1; zoom >= page.least; zoom -= 0.05) {
        section.style.zoom = zoom;
        if (section.getBoundingClientRect().height <= room) break;
      }
    });
  }
  window.addEventListener('beforeprint', () => {
    document.documentElement.classList.add('printing');
    render();
    const list = columns();
    for (let n = 1; n <= most.station; ++n) fill(n, list);
    for (const answer of document.querySelectorAll('.exercise details')) answer.open = true;
    fitPages();
  });

  if (image) for (const element of document.querySelectorAll('[data-kind="tokens"]')) element.remove();
  window.addEventListener('afterprint', () => {
    document.documentElement.classList.remove('printing');
    for (const answer of document.querySelectorAll('.exercise details')) answer.open = false;
    for (const section of document.querySelectorAll('main section')) section.style.zoom = '';
    render();
  });

  for (const place of document.querySelectorAll('[data-fill]'))
    place.textContent = {answers: model.classes, guessing: number(Math.log(model.classes))}[place.dataset.fill];
  $('task').textContent = `The task, ${runs[0].settings.task}: ${data.task}.`;
  const sizes = `${model.layers} layers, ${model.heads} heads, width ${model.width}`;
  $('facts').textContent = `${runs.map(run => `${run.name}: ${run.settings.attention} storage, ${run.settings.optimizer}, seed ${run.settings.seed}`).join('; ')}; `
    + `${sizes}.${data.notes.length ? ` ${data.notes.join('; ')}.` : ''}`;
  for (const run of runs) $('settings').append(h('pre', {}, `# ${run.name}\n${run.settings.toml}`));
  state = fromFragment();
  render();
})();
