// What the page does beyond being read: tooltips by pointer and keyboard, legends that single out a line, copying and
// saving, tables folded on narrow screens. The charts and tables are there without it.
(() => {
  const tip = document.getElementById('tip');
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  const show = (text, box) => {
    tip.hidden = !text;
    if (!text) return;
    tip.textContent = text;
    tip.style.left = Math.max(4, Math.min(box.left + box.width / 2 + 12, innerWidth - tip.offsetWidth - 8)) + 'px';
    const above = box.top - tip.offsetHeight - 8;
    tip.style.top = (above > 4 ? above : Math.min(box.bottom + 8, innerHeight - tip.offsetHeight - 4)) + 'px';
  };
  const at = event => ({left: event.clientX, top: event.clientY - 6, width: 0, bottom: event.clientY + 6});

  for (const part of all('svg .part')) {
    part.onpointermove = event => show(part.getAttribute('aria-label'), at(event));
    part.onfocus = () => show(part.getAttribute('aria-label'), part.getBoundingClientRect());
    part.onpointerleave = part.onblur = () => show('');
  }

  // A chart's stops: by the pointer, or once the chart has the focus by the arrow keys.
  for (const chart of all('figure svg')) {
    const stops = all('.stop', chart);
    if (!stops.length) continue;
    let now = -1;
    const go = (to, box) => {
      if (now >= 0) stops[now].classList.remove('at');
      now = to;
      if (now < 0) return show('');
      stops[now].classList.add('at');
      show(stops[now].dataset.said, box || stops[now].getBoundingClientRect());
    };
    stops.forEach((stop, i) => { stop.onpointermove = event => go(i, at(event)); });
    chart.onpointerleave = chart.onblur = () => go(-1);
    chart.tabIndex = 0;
    chart.onkeydown = event => {
      const to = {ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: stops.length - 1}[event.key];
      if (event.key === 'Escape') go(-1);
      if (to === undefined) return;
      event.preventDefault();
      go(Math.max(0, Math.min(to, stops.length - 1)));
    };
  }

  for (const item of all('.legend li')) {
    const chart = item.closest('.panel').querySelector('svg');
    const single = on => {
      chart.classList.toggle('singled', on);
      for (const line of all('[data-line]', chart)) line.classList.toggle('single', on && line.dataset.line === item.dataset.line);
    };
    item.onpointerenter = item.onfocus = () => single(true);
    item.onpointerleave = item.onblur = () => single(false);
  }

  const button = (text, parent, act) => {
    const made = parent.appendChild(document.createElement('button'));
    made.type = 'button';
    made.className = 'small';
    made.textContent = text;
    made.onclick = () => act(made);
  };
  for (const text of all('pre.copied')) {
    const above = document.createElement('div');
    above.className = 'above';
    text.replaceWith(above);
    above.append(text);
    button('Copy', above, async made => {
      const range = document.createRange();
      range.selectNodeContents(text);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      try {
        await navigator.clipboard.writeText(text.textContent);
        made.textContent = 'Copied';
      } catch {  // a page from a file may not: what is selected can be copied by the keyboard
        made.textContent = document.execCommand('copy') ? 'Copied' : 'Selected: press Ctrl-C';
      }
    });
  }

  const narrow = matchMedia('screen and (max-width: 760px)');
  const fold = () => all('details.fold').forEach(d => { d.open = !narrow.matches; });
  fold();
  narrow.onchange = fold;
  let open = [];
  addEventListener('beforeprint', () => {
    open = all('details').map(d => [d, d.open]);
    open.forEach(([d]) => { d.open = true; });
  });
  addEventListener('afterprint', () => open.forEach(([d, was]) => { d.open = was; }));
})();
