// Draws the charts from the page's own data; the tables do not need it.
(() => {
  const read = id => JSON.parse(document.getElementById(id).textContent);
  const tasks = read('data');
  const forestSpec = read('forest-spec'), ratesSpec = read('rates-spec'), curvesSpec = read('curves-spec');
  // Okabe and Ito's colours, distinct for colour-blind eyes; dashes let lines that coincide show each other.
  const colours = ['#000000', '#e69f00', '#0072b2', '#009e73', '#d55e00', '#cc79a7', '#56b4e9', '#7a5c00'];
  const dashes = [[1, 0], [7, 5], [2, 3], [1, 0], [8, 3, 2, 3]];
  const views = [];

  const element = (name, parent, text = '') => {
    const made = parent.appendChild(document.createElement(name));
    made.textContent = text;
    return made;
  };

  const tip = document.getElementById('tip');
  const showTip = (handler, event, item, value) => {
    tip.hidden = !value;
    if (!value) return;
    tip.textContent = '';
    element('b', tip, value.title);
    const table = element('table', tip);
    for (const cells of value.rows) {
      const row = element('tr', table);
      for (const cell of cells) element('td', row, cell);
    }
    const width = tip.offsetWidth, height = tip.offsetHeight;
    tip.style.left = Math.max(4, Math.min(event.clientX + 14, innerWidth - width - 8)) + 'px';
    tip.style.top = Math.max(4, event.clientY - height - 12) + 'px';
  };

  // `breadth` gives the plot's width on the screen, `printed` on paper.
  const draw = (spec, place, breadth, printed) => {
    const view = new vega.View(vega.parse(spec), {renderer: 'svg', container: place, hover: true});
    view.tooltip(showTip).width(breadth()).run();
    views.push({view, breadth, printed});
    return view;
  };
  const fit = printing => views.forEach(v => v.view.width(printing ? v.printed : v.breadth()).run());
  const set = (spec, list, name, values) => Object.assign(spec[list].find(item => item.name === name), values);
  const copy = spec => JSON.parse(JSON.stringify(spec));

  const drawForest = (figure, task) => {
    const forest = task.forests[figure.dataset.index], spec = copy(forestSpec);
    const rows = forest.rows.map((row, index) => ({...row, index}));
    const seen = rows.flatMap(r => [r.mean, r.low, r.high, ...r.differences]).filter(Number.isFinite);
    const ends = [Math.min(-1.25 * task.margin, ...seen), Math.max(1.25 * task.margin, ...seen)];
    const room = 0.03 * (ends[1] - ends[0]);
    set(spec, 'data', 'rows', {values: rows});
    set(spec, 'signals', 'count', {value: rows.length});
    set(spec, 'signals', 'domain', {value: [ends[0] - room, ends[1] + room]});
    set(spec, 'signals', 'margin', {value: task.margin});
    set(spec, 'signals', 'axisTitle', {value: `← ${forest.less}  ·  difference in percent  ·  ${forest.more} →`});
    const place = element('div', figure);
    draw(spec, place, () => figure.clientWidth, 690);
  };

  const drawRates = (panel, task, {cause, more, points}) => {
    const spec = copy(ratesSpec);
    element('h4', panel, cause);
    const seen = points.flatMap(p => [p.mean, p.low, p.high]).filter(Number.isFinite);
    const ends = [Math.min(-1.25 * task.margin, ...seen), Math.max(1.25 * task.margin, ...seen)];
    const room = 0.12 * (ends[1] - ends[0]);  // below, for the letters
    set(spec, 'data', 'points', {values: points});
    set(spec, 'signals', 'domain', {value: [ends[0] - room, ends[1]]});
    set(spec, 'signals', 'margin', {value: task.margin});
    set(spec, 'signals', 'axisTitle', {value: `percent, + ${more}`});
    draw(spec, element('div', panel), () => panel.clientWidth - 56, 274);
  };

  const legend = (panel, arms, view) => {
    const list = element('ul', panel);
    list.className = 'legend';
    for (const {arm, label, colour, dash} of arms) {
      const item = element('li', list);
      item.innerHTML = `<svg viewBox="0 0 34 10"><line x1="0" x2="34" y1="5" y2="5" stroke-width="2.4" stroke="${colour}" stroke-dasharray="${dash}"/></svg>`;
      element('b', item, arm);
      element('span', item, label);
      item.onmouseenter = () => view.signal('focus', arm).run();
      item.onmouseleave = () => view.signal('focus', null).run();
    }
  };

  const drawPanel = (panel, task, {group, arms}) => {
    const spec = copy(curvesSpec);
    element('h4', panel, group);
    arms = arms.map((arm, i) => ({...arm, colour: colours[i % colours.length], dash: dashes[i % dashes.length]}));
    const points = arms.flatMap(a => a.step.map((step, i) => ({
      arm: a.arm, step, median: a.median[i], low: a.low[i], high: a.high[i], last: i === a.step.length - 1})));
    const grid = arms.reduce((longest, a) => a.step.length > longest.length ? a.step : longest, []);
    const shown = value => value === null ? 'diverged' : Number(value.toPrecision(3));
    const steps = grid.map((step, i) => ({
      step, from: (step + (grid[i - 1] ?? step)) / 2, to: (step + (grid[i + 1] ?? step)) / 2,
      rows: arms.filter(a => i < a.step.length).map(
          a => [a.arm, `${shown(a.median[i])} (${shown(a.low[i])} to ${shown(a.high[i])})`])}));
    set(spec, 'data', 'points', {values: points});
    set(spec, 'data', 'steps', {values: steps});
    set(spec, 'signals', 'threshold', {value: task.threshold});
    set(spec, 'signals', 'loss', {value: task.loss});
    set(spec, 'scales', 'colour', {domain: arms.map(a => a.arm), range: arms.map(a => a.colour)});
    set(spec, 'scales', 'dash', {domain: arms.map(a => a.arm), range: arms.map(a => a.dash)});
    legend(panel, arms, draw(spec, element('div', panel), () => panel.clientWidth - 56, 274));
  };

  document.body.classList.add('charts');
  for (const figure of document.querySelectorAll('figure[data-chart]')) {
    const task = tasks[figure.dataset.task];
    if (figure.dataset.chart === 'forest') {
      drawForest(figure, task);
    } else {
      const panels = element('div', figure);
      panels.className = 'panels';
      const [drawOne, parts] = figure.dataset.chart === 'rates' ? [drawRates, task.rates] : [drawPanel, task.panels];
      const places = parts.map(() => element('div', panels));  // all of them first: they share the width
      places.forEach((place, i) => drawOne(place, task, parts[i]));
    }
  }

  addEventListener('resize', () => fit(false));
  addEventListener('beforeprint', () => {
    document.querySelectorAll('details').forEach(d => { d.open = true; });
    fit(true);
  });
  addEventListener('afterprint', () => fit(false));
})();
