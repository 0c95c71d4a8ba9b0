
// The timeline. Points are hits or, where not all hits are in the page, buckets of them: of all, or of the rows that are wanted.
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 1209600, 2592000, 7776000, 31536000];
const SERIES = 9;
let stack = 0, view = null, redraw = () => {};

function points(i) {
  const found = [], rows = D.by_group;
  if (D.timeline === null) {
    const members = wanted === null ? null : new Uint8Array(E.shown);
    if (members !== null) for (let member = 0; member < E.members; member++) if (wanted[at(E.member_row, member)]) members[eventOf(member)] = 1;
    for (let e = 0; e < E.shown; e++) if (seconds[e] !== null && (members === null || members[e])) found.push([seconds[e], seriesOf(i, at(E.stacks[i], e)), 1]);
  } else if (wanted === null) {
    D.timeline.stacks[i].forEach((list, series) => {
      for (let b = 0; b < list.length; b += 2) found.push([D.timeline.start + list[b] * D.timeline.width, seriesOf(i, series), list[b + 1]]);
    });
  } else {
    rows.groups.forEach((list, row) => {
      if (wanted[row]) for (let b = 0; b < list.length; b += 2) found.push([rows.start + list[b] * rows.width, seriesOf(i, at(G.stacks[i], row)), list[b + 1]]);
    });
  }
  return found;
}
// Ticks of an axis, at most so many and each with its text: on whole minutes, hours, days, Mondays, months and years.
function ticks(from, to, most) {
  const day = 86400, found = [], fits = step => (to - from) / step <= most;
  const step = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, day, 2 * day, 7 * day, 14 * day].find(fits);
  if (step) {
    // 1970-01-05 was a Monday.
    const offset = step >= 7 * day ? 4 * day : 0;
    for (let time = Math.ceil((from - offset) / step) * step + offset; time < to; time += step) {
      found.push([time, step >= day ? iso(time).slice(0, 10) : time % day === 0 ? iso(time).slice(5, 10) : iso(time).slice(11, step < 60 ? 19 : 16)]);
    }
    return found;
  }
  const first = new Date(from * 1000), months = [1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200, 6000, 12000].find(months => fits(months * 30.4 * day)) || 120000;
  for (let month = Math.ceil((first.getUTCFullYear() * 12 + first.getUTCMonth()) / months) * months; ; month += months) {
    const date = new Date(0);
    date.setUTCFullYear(Math.floor(month / 12), month % 12, 1);
    if (date / 1000 >= to) return found;
    if (date / 1000 >= from) found.push([date / 1000, months < 12 ? date.toISOString().slice(0, 7) : String(date.getUTCFullYear())]);
  }
}
// The colour of all others is the last one.
const seriesOf = (i, series) => series === D.stacks[i].labels.length ? SERIES - 1 : series;
const label = (i, series) => series === SERIES - 1 ? `${number(D.stacks[i].more)} more` : place(...D.stacks[i].labels[series]) || UNSTATED;

function timeline() {
  if (!D.first || D.of_groups) { $('timeline').hidden = true; return; }
  const chart = $('chart');
  let all = null, drawn = null;
  const finest = D.timeline ? Math.max(D.timeline.width, D.by_group.width) : 1;
  const whole = [D.first[0], Math.max(D.last[0] + finest, D.first[0] + 10 * finest)];
  let shape = null, drag = null;
  view = whole;

  D.stacks.forEach((one, i) => {
    const button = el('button', { type: 'button', 'aria-pressed': String(i === 0) }, one.by === 'process' ? 'By process' : 'By destination');
    button.onclick = () => {
      stack = i;
      [...$('stack-by').children].forEach((other, j) => other.setAttribute('aria-pressed', String(i === j)));
      draw();
    };
    $('stack-by').append(button);
  });

  function bins() {
    const [from, to] = view, most = Math.max(20, Math.min(240, chart.clientWidth / 5));
    const step = STEPS.find(step => step >= finest && (to - from) / step <= most) || Math.ceil((to - from) / most / 31536000) * 31536000;
    const origin = Math.floor(from / step) * step, count = Math.max(1, Math.ceil((to - origin) / step));
    const rows = Array.from({ length: count }, () => new Uint32Array(SERIES));
    let shown = 0;
    if (all === null || drawn[0] !== stack || drawn[1] !== wanted) [all, drawn] = [points(stack), [stack, wanted]];
    for (const [time, series, hits] of all) {
      if (time < from || time >= to) continue;
      rows[Math.floor((time - origin) / step)][series] += hits;
      shown += hits;
    }
    return { origin, step, rows, shown, totals: rows.map(row => row.reduce((sum, n) => sum + n, 0)) };
  }

  function draw() {
    const width = Math.max(chart.clientWidth, 260), height = 190, left = 44, bottom = 22, top = 8;
    const { origin, step, rows, shown, totals } = bins();
    const highest = Math.max(1, ...totals), unit = [1, 2, 5, 10].map(n => n * 10 ** Math.floor(Math.log10(highest / 3))).find(n => n >= highest / 3.5);
    const grid = Math.max(1, unit), most = Math.ceil(highest / grid) * grid, end = origin + step * rows.length;
    const x = time => left + (time - origin) / (end - origin) * (width - left - 8);
    const y = hits => height - bottom - hits / most * (height - bottom - top);
    const picture = svg('svg', { viewBox: `0 0 ${width} ${height}`, height, 'aria-hidden': 'true' });
    for (let hits = 0; hits <= most; hits += grid) {
      picture.append(svg('line', { class: 'grid', x1: left, x2: width - 8, y1: y(hits), y2: y(hits) }), svg('text', { x: left - 7, y: y(hits) + 4, 'text-anchor': 'end' }, number(hits)));
    }
    for (const [time, text] of ticks(origin, end, (width - left) / 105)) {
      picture.append(svg('line', { class: 'grid', x1: x(time), x2: x(time), y1: height - bottom, y2: height - bottom + 4 }));
      if (x(time) < width - 30) picture.append(svg('text', { class: 'tick', x: x(time), y: height - 5, 'text-anchor': x(time) < left + 25 ? 'start' : 'middle' }, text));
    }
    const bar = Math.min(28, Math.max(1, x(origin + step) - x(origin) - 1));
    rows.forEach((row, i) => {
      let sum = 0;
      row.forEach((hits, series) => {
        if (hits === 0) return;
        const low = y(sum);
        sum += hits;
        picture.append(svg('rect', { class: `s${series}`, x: x(origin + i * step), width: bar, y: Math.min(y(sum), low - 1), height: Math.max(1, low - y(sum)) }));
      });
    });
    const over = svg('rect', { class: 'over', y: top, height: height - bottom - top, width: 0 });
    const selected = svg('rect', { class: 'drag', y: top, height: height - bottom - top, width: 0 });
    picture.append(over, selected);
    chart.replaceChildren(picture);
    chart.setAttribute('aria-label', `${counted(shown, NOUN)} from ${clock(view[0])} to ${clock(view[1])} UTC, at most ${number(highest)} in ${duration(step * 1000)}`);
    shape = { x, over, selected, origin, step, rows, totals, end, left, width,
      time: px => origin + (Math.min(Math.max(px, left), width - 8) - left) / (width - left - 8) * (end - origin) };
    told(`${clock(view[0])} to ${clock(view[1])} · ${counted(shown, NOUN)}${wanted === null ? '' : ' of the filter'} · a bar is ${duration(step * 1000)}${D.untimed ? ` · ${number(D.untimed)} without a time` : ''}`);
    const used = new Set(rows.flatMap(row => [...row.keys()].filter(series => row[series] > 0)));
    $('legend').replaceChildren(...[...used].sort((a, b) => a - b).map(series => {
      const mark = svg('svg', { viewBox: '0 0 10 10', 'aria-hidden': 'true' });
      mark.append(svg('rect', { class: `s${series}`, width: 10, height: 10, rx: 2 }));
      return el('li', {}, mark, el('span', {}, label(stack, series), ' ', el('b', {}, number(rows.reduce((sum, row) => sum + row[series], 0)))));
    }));
    const isWhole = view[0] === whole[0] && view[1] === whole[1];
    for (const id of ['zoom-out', 'zoom-reset', 'earlier', 'later']) $(id).disabled = isWhole;
    $('zoom-in').disabled = view[1] - view[0] <= 10 * finest;
  }
  let usual = '';
  const told = text => { usual = text; $('readout').textContent = text; };

  function zoom(from, to) {
    const span = Math.min(Math.max(to - from, 10 * finest), whole[1] - whole[0]);
    from = Math.round(Math.min(Math.max(from, whole[0]), whole[1] - span));
    view = [from, from + Math.ceil(span)];
    if (view[1] >= whole[1]) view = [Math.max(whole[0], whole[1] - Math.ceil(span)), whole[1]];
    draw();
    inRange();
  }
  const scale = factor => { const middle = (view[0] + view[1]) / 2, half = (view[1] - view[0]) * factor / 2; zoom(middle - half, middle + half); };
  const pan = part => { const by = (view[1] - view[0]) * part; zoom(view[0] + by, view[1] + by); };
  const actions = { '+': () => scale(0.5), '=': () => scale(0.5), '-': () => scale(2), ArrowLeft: () => pan(-0.25), ArrowRight: () => pan(0.25), 0: () => zoom(...whole) };
  chart.onkeydown = event => {
    if (event.ctrlKey || event.metaKey || event.altKey || !actions[event.key]) return;
    event.preventDefault();
    actions[event.key]();
  };
  for (const [id, key] of [['zoom-in', '+'], ['zoom-out', '-'], ['earlier', 'ArrowLeft'], ['later', 'ArrowRight'], ['zoom-reset', 0]]) $(id).onclick = actions[key];

  const px = event => event.clientX - chart.getBoundingClientRect().left;
  chart.onpointerdown = event => { if (event.button === 0) { drag = px(event); chart.setPointerCapture(event.pointerId); } };
  chart.onpointermove = event => {
    const here = px(event), i = Math.floor((shape.time(here) - shape.origin) / shape.step);
    if (drag !== null) {
      const [a, b] = [drag, here].sort((a, b) => a - b);
      shape.selected.setAttribute('x', Math.max(a, shape.left));
      shape.selected.setAttribute('width', Math.max(0, Math.min(b, shape.width - 8) - Math.max(a, shape.left)));
    } else if (shape.totals[i] !== undefined) {
      const x = shape.x(shape.origin + i * shape.step), row = shape.rows[i];
      shape.over.setAttribute('x', x);
      shape.over.setAttribute('width', shape.x(shape.origin + (i + 1) * shape.step) - x);
      const parts = [...row.keys()].filter(series => row[series]).sort((a, b) => row[b] - row[a]).slice(0, 3).map(series => `${label(stack, series)} ${number(row[series])}`);
      $('readout').textContent = `${clock(shape.origin + i * shape.step)} and ${duration(shape.step * 1000)} · ${counted(shape.totals[i], NOUN)}${parts.length ? `: ${parts.join(', ')}` : ''}`;
    }
  };
  chart.onpointerup = event => {
    const [from, to] = [drag, px(event)].sort((a, b) => a - b);
    if (drag !== null && to - from > 4) zoom(shape.time(from), shape.time(to));
    shape.selected.setAttribute('width', 0);
    drag = null;
  };
  chart.onpointercancel = () => { drag = null; shape.selected.setAttribute('width', 0); };
  chart.onpointerleave = () => { shape.over.setAttribute('width', 0); $('readout').textContent = usual; };
  $('in-range').onchange = inRange;
  function inRange() {
    const range = $('in-range').checked ? view : null;
    if (range === filterRange) return;
    filterRange = range;
    refresh();
  }
  redraw = draw;
  new ResizeObserver(() => { if (!shape || Math.abs(shape.width - chart.clientWidth) > 1) draw(); }).observe(chart);
}
