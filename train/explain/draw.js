// Maps, bars and lines. Each is a figure with a sentence and a table of its numbers, and can be saved.
'use strict';
const draw = (() => {
  function h(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
      else if (value === true) element.setAttribute(name, '');
      else if (value !== false && value != null) element.setAttribute(name, value);
    }
    element.append(...children.filter(child => child != null));
    return element;
  }
  function svg(tag, attributes = {}, ...children) {
    const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }
  // Three digits that count.
  function number(x) {
    if (!Number.isFinite(x)) return '–';
    if (x === 0) return '0';
    const size = Math.abs(x);
    if (size < 1e-3 || size >= 1e5) return x.toExponential(1).replace(/-/g, '−').replace('e+', 'e');
    return x.toFixed(size < 0.1 ? 4 : size < 10 ? 3 : size < 100 ? 1 : 0).replace('-', '−');
  }

  // ---- colours: --zero to --plus (positive) or --minus (negative) ----
  function channels(name) {
    const text = getComputedStyle(document.documentElement).getPropertyValue(name).trim().slice(1);
    const full = text.length === 3 ? [...text].map(c => c + c).join('') : text;
    return [0, 2, 4].map(i => parseInt(full.slice(i, i + 2), 16));
  }
  function palette() {
    const zero = channels('--zero'), plus = channels('--plus'), minus = channels('--minus');
    return share => {  // -1 to 1
      const end = share < 0 ? minus : plus, part = Math.min(1, Math.abs(share)) ** 0.7;
      return `rgb(${zero.map((z, i) => Math.round(z + (end[i] - z) * part)).join(' ')})`;
    };
  }

  function save(name, blob) {
    const link = h('a', {href: URL.createObjectURL(blob), download: name});
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }
  const fileName = (title, ending) => title.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '') + ending;
  function saveSvg(title, drawing) {
    const copy = drawing.cloneNode(true);
    copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
    const style = getComputedStyle(document.documentElement);
    const text = copy.outerHTML.replace(/var\((--[a-z]+)\)/g, (_, name) => style.getPropertyValue(name).trim());
    save(fileName(title, '.svg'), new Blob([text], {type: 'image/svg+xml'}));
  }

  // A table that is made when it is opened. rows: arrays of cells.
  function tableOf(title, head, makeRows) {
    const box = h('div', {class: 'scroll', tabindex: 0, role: 'region', 'aria-label': `${title}, as a table`});
    const details = h('details', {}, h('summary', {}, 'Table'), box);
    details.addEventListener('toggle', () => {
      if (!details.open || box.firstChild) return;
      const cells = (tag, row) => h('tr', {}, ...row.map(cell => h(tag, {}, String(cell))));
      box.append(h('table', {}, h('thead', {}, cells('th', head)),
                   h('tbody', {}, ...makeRows().map(row => cells('td', row)))));
    });
    return details;
  }
  function figure(title, note, content, tools, attributes = {}) {
    return h('figure', attributes, h('figcaption', {}, title, note ? h('small', {}, note) : null), ...content,
             h('div', {class: 'tools'}, ...tools));
  }

  // A matrix as colours. of: {key, title, note, rows, columns, value(r, c), rowName(r), columnName(c), most (of the
  // scale; default: the largest), hatched(r, c), selected: {r, c}, light: r (a row), bands: [{at, name}],
  // pick(r, c), say(r, c, value), cell (pixels), axes: [what rows are, what columns are], rowTick(r), columnTick(c)}.
  function map(of) {
    const {rows, columns, value} = of, hidden = of.hatched || (() => false);
    const zoom = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;  // larger for a projector
    const cell = Math.round(zoom * (of.cell || Math.max(2, Math.min(16, Math.floor(340 / Math.max(rows / 1.4, columns))))));
    const [rowAxis, columnAxis] = of.axes || [], left = (of.bands ? 20 : 0) + (rowAxis ? 40 : 0), top = columnAxis ? 28 : 0;
    const ratio = Math.max(1, Math.round(window.devicePixelRatio || 1));
    const canvas = h('canvas', {tabindex: 0, role: 'img', 'data-key': of.key, width: (columns * cell + left) * ratio,
                                height: (rows * cell + top) * ratio});
    canvas.style.width = `${columns * cell + left}px`;
    let most = of.most || 0;
    if (!of.most)
      for (let r = 0; r < rows; ++r)
        for (let c = 0; c < columns; ++c) if (!hidden(r, c)) most = Math.max(most, Math.abs(value(r, c)));
    const say = (r, c) => of.say ? of.say(r, c, value(r, c))
                                 : `${of.rowName(r)}, ${of.columnName(c)}: ${hidden(r, c) ? 'hidden' : number(value(r, c))}`;
    const reading = h('p', {class: 'reading'});
    let at = of.selected || null;

    function paint() {
      const pen = canvas.getContext('2d'), colour = palette();
      const style = getComputedStyle(document.documentElement), mark = style.getPropertyValue('--mark').trim();
      pen.setTransform(ratio, 0, 0, ratio, 0, 0);
      pen.clearRect(0, 0, canvas.width, canvas.height);
      pen.strokeStyle = style.getPropertyValue('--line').trim();
      for (let r = 0; r < rows; ++r)
        for (let c = 0; c < columns; ++c) {
          const x = left + c * cell, y = top + r * cell;
          if (hidden(r, c)) {
            pen.beginPath();
            pen.moveTo(x, y + cell);
            pen.lineTo(x + cell, y);
            pen.stroke();
            continue;
          }
          pen.fillStyle = colour(most > 0 ? value(r, c) / most : 0);
          pen.fillRect(x, y, cell - (cell > 6 ? 1 : 0), cell - (cell > 6 ? 1 : 0));
        }
      paintAxes(pen, style.getPropertyValue('--soft').trim());
      pen.fillStyle = pen.strokeStyle = mark;
      pen.font = '12px sans-serif';
      for (const band of of.bands || []) {
        pen.fillText(band.name, left - 16, top + band.at * cell + 13);
        if (band.at > 0) pen.fillRect(left - 20, top + band.at * cell - 1, canvas.width, 1.5);
      }
      pen.lineWidth = 1.5;
      if (of.light != null) pen.strokeRect(left + 0.75, top + of.light * cell - 0.75, columns * cell - 1.5, cell + 1.5);
      if (at) {
        pen.lineWidth = 2.5;
        pen.strokeRect(left + at.c * cell - 1, top + at.r * cell - 1, cell + 1, cell + 1);
      }
    }
    // Names of rows and columns, as many as have room, and what they are.
    function paintAxes(pen, colour) {
      pen.fillStyle = colour;
      pen.font = '11px sans-serif';
      const every = (texts, room) => texts.filter((_, i) => i % 2 ** Math.ceil(Math.log2(Math.max(1, room / cell))) === 0);
      const ticks = (count, tick) => Array.from({length: count}, (_, i) => ({i, text: String(tick ? tick(i) : i)}));
      if (rowAxis) {
        pen.textAlign = 'right';
        for (const {i, text} of every(ticks(rows, of.rowTick), 11)) pen.fillText(text, left - (of.bands ? 23 : 4), top + (i + 0.5) * cell + 4);
        pen.save();
        pen.translate(10, top + rows * cell / 2);
        pen.rotate(-Math.PI / 2);
        pen.textAlign = 'center';
        pen.fillText(rowAxis, 0, 0);
        pen.restore();
      }
      if (columnAxis) {
        pen.textAlign = 'center';
        const names = ticks(columns, of.columnTick), widest = Math.max(...names.map(n => pen.measureText(n.text).width));
        for (const {i, text} of every(names, widest + 5)) pen.fillText(text, left + (i + 0.5) * cell, top - 4);
        pen.fillText(columnAxis, left + columns * cell / 2, 10);
      }
      pen.textAlign = 'left';
    }
    function tell() {
      const sentence = at ? say(at.r, at.c) : '';
      reading.textContent = sentence;
      canvas.setAttribute('aria-label', `${of.title}, ${rows} rows, ${columns} columns. ${sentence}`);
    }
    const place = event => {
      const box = canvas.getBoundingClientRect(), zoom = box.width / (columns * cell + left);
      const c = Math.floor((event.clientX - box.left - left * zoom) / (cell * zoom));
      const r = Math.floor((event.clientY - box.top - top * zoom) / (cell * zoom));
      return r >= 0 && r < rows && c >= 0 && c < columns ? {r, c} : null;
    };
    canvas.addEventListener('pointermove', event => {
      const over = place(event);
      if (over) reading.textContent = say(over.r, over.c);
    });
    canvas.addEventListener('pointerleave', tell);
    const choose = next => {
      at = next;
      paint();
      tell();
      if (of.pick) of.pick(at.r, at.c);
    };
    canvas.addEventListener('click', event => place(event) && choose(place(event)));
    canvas.addEventListener('keydown', event => {
      const step = {ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0]}[event.key];
      if (!step) return;
      event.preventDefault();
      event.stopPropagation();
      const from = at || {r: 0, c: 0}, clamp = (x, end) => Math.max(0, Math.min(end - 1, x));
      choose({r: clamp(from.r + step[0], rows), c: clamp(from.c + step[1], columns)});
    });
    paint();
    tell();
    const table = tableOf(of.title, ['', ...Array.from({length: columns}, (_, c) => of.columnName(c))],
                          () => Array.from({length: rows}, (_, r) => [of.rowName(r), ...Array.from({length: columns},
                            (_, c) => hidden(r, c) ? '' : number(value(r, c)))]));
    const png = h('button', {type: 'button', onclick: () => canvas.toBlob(blob => save(fileName(of.title, '.png'), blob))},
                  'PNG');
    return figure(of.title, of.note || `−${number(most)} to ${number(most)}`, [canvas, reading], [table, png],
                  {class: of.wide ? 'wide' : ''});
  }

  // A narrow screen has room for bars this wide in all, at a size of letters that can be read.
  const narrow = () => matchMedia('(max-width: 640px)').matches && !document.documentElement.classList.contains('printing');

  // Upright bars. of: {title, note, names, values, marked: index, most, pick(i), colour(i), height}
  function bars(of) {
    const n = of.values.length, width = narrow() ? 340 : Math.max(320, n * Math.max(12, Math.min(20, 800 / n))), height = of.height || 130, base = height - 18;
    const most = of.most || Math.max(...of.values.map(v => Math.abs(v || 0)), 1e-12), step = width / n;
    const drawing = svg('svg', {viewBox: `0 0 ${width} ${height}`, role: 'img'});
    const largest = of.values.reduce((best, v, i) => (v || 0) > (of.values[best] || 0) ? i : best, 0);
    drawing.style.maxWidth = `${width * 1.2}px`;
    drawing.setAttribute('aria-label', of.say || `${of.title}: largest at ${of.names[largest]}, ${number(of.values[largest])}`);
    of.values.forEach((v, i) => {
      const size = Math.min(1, Math.abs(v || 0) / most) * (base - 14), fill = of.colour ? of.colour(i) : 'var(--minus)';
      const bar = svg('rect', {x: i * step + 1, y: base - size, width: Math.max(1, step - 2), height: size, fill},
                      svg('title', {}));
      bar.firstChild.textContent = `${of.names[i]}: ${number(v)}`;
      drawing.append(bar);
      if (i === largest || i === of.marked || n <= 6) {
        drawing.append(text(number(v), Math.min(width - 18, Math.max(18, i * step + step / 2)), base - size - 3, 'middle'));
      }
      if (step >= 12 || i === of.marked || i % Math.ceil(16 / step) === 0 && Math.abs(i - of.marked) * step >= 16)
        drawing.append(text(of.names[i], i * step + step / 2, height - 5, 'middle', i === of.marked ? '' : 'quiet'));
    });
    drawing.append(svg('line', {x1: 0, x2: width, y1: base, y2: base, class: 'axis', stroke: 'var(--line)'}));
    return figure(of.title, of.note, [drawing],
                  [tableOf(of.title, ['', ''], () => of.values.map((v, i) => [of.names[i], number(v)])), svgButton(of.title, drawing)],
                  {class: of.wide ? 'wide' : n > 16 ? 'double' : ''});
  }
  function text(content, x, y, anchor, kind) {
    const element = svg('text', {x, y, 'text-anchor': anchor, ...(kind ? {class: kind} : {})});
    element.textContent = content;
    return element;
  }
  const svgButton = (title, drawing) => h('button', {type: 'button', onclick: () => saveSvg(title, drawing)}, 'SVG');

  // Lines. of: {title, note, series: [{name, points: [[x, y]], colour, dash}], x(value) -> 0 to 1, marks: [x], at: x,
  // width, height, bare}. y is linear from 0.
  function lines(of) {
    const width = of.width || 330, height = of.height || 150, foot = of.bare ? 4 : 18;
    const most = Math.max(...of.series.flatMap(s => s.points.map(p => p[1])), 1e-12);
    const X = x => 4 + of.x(x) * (width - 8), Y = y => 6 + (1 - y / most) * (height - 6 - foot);
    const drawing = svg('svg', {viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': of.say || of.title,
                                ...(of.bare ? {preserveAspectRatio: 'none'} : {})});
    drawing.append(svg('line', {x1: 0, x2: width, y1: Y(0), y2: Y(0), stroke: 'var(--line)'}));
    if (of.at != null) drawing.append(svg('line', {x1: X(of.at), x2: X(of.at), y1: 0, y2: Y(0), stroke: 'var(--plus)', 'stroke-width': 2}));
    of.series.forEach((s, i) => {
      const d = s.points.map(([x, y], n) => `${n ? 'L' : 'M'}${X(x).toFixed(1)} ${Y(y).toFixed(1)}`).join('');
      drawing.append(svg('path', {d, fill: 'none', stroke: s.colour, 'stroke-width': 1.8, 'stroke-dasharray': s.dash || '',
                                  'vector-effect': 'non-scaling-stroke'}));
      if (!of.bare) {
        drawing.append(svg('line', {x1: width - 140, x2: width - 116, y1: 12 + 15 * i, y2: 12 + 15 * i, stroke: s.colour,
                                    'stroke-width': 2.5, 'stroke-dasharray': s.dash || ''}),
                       text(s.name, width - 110, 16 + 15 * i, 'start'));
      }
    });
    if (of.bare) return drawing;
    drawing.append(text(number(most), 6, 14, 'start', 'quiet'), text(of.foot || '', width / 2, height - 4, 'middle', 'quiet'));
    const rows = () => of.series[0].points.map(([x], n) => [number(x), ...of.series.map(s => number((s.points[n] || [])[1]))]);
    return figure(of.title, of.note, [drawing],
                  [tableOf(of.title, [of.foot || '', ...of.series.map(s => s.name)], rows), svgButton(of.title, drawing)]);
  }

  // A table that is always there; cells may be {text, differs}.
  function table(title, note, head, rows, kind = '') {
    const cell = c => c && c.text != null ? h('td', {class: c.differs ? 'differs' : ''}, c.text) : h('td', {}, String(c));
    return h('figure', {class: kind}, h('figcaption', {}, title, note ? h('small', {}, note) : null),
             h('div', {class: 'scroll', tabindex: 0, role: 'region', 'aria-label': title}, h('table', {}, h('thead', {}, h('tr', {}, ...head.map(c => h('th', {scope: 'col'}, c)))),
               h('tbody', {}, ...rows.map(row => h('tr', {}, ...row.map(cell)))))));
  }

  return {h, svg, svgButton, number, palette, map, bars, lines, table, figure, text};
})();
