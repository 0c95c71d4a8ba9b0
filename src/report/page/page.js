/*
 * The script of a netsift page. It reads the block of data and puts it on the page.
 *
 * Evidence is untrusted: what comes from the data is put on the page as text (`el`, `textContent`), never as markup, and
 * never as a style or an address. There is no innerHTML here, and nothing is requested.
 *
 * In order: the data, texts, the head, the timeline, the summaries, the table, how the page was made.
 */
'use strict';

// The data. A text is its number in D.strings; a column whose values are all the same is that one value.
const D = JSON.parse(document.getElementById('data').textContent);
const G = D.groups, E = D.events, N = D.numbers;
const at = (column, i) => Array.isArray(column) ? column[i] : column;
const string = (column, i) => D.strings[at(column, i)];
const FIELDS = D.fields;
const field = (name, row) => string(G.fields[name], row);
// Times of the events: the seconds are each after the last that is stated.
const seconds = new Array(E.shown);
for (let i = 0, last = 0; i < E.shown; i++) {
  const delta = at(E.seconds, i);
  seconds[i] = delta === null ? null : last += delta;
}
// The events of a row are order[start[row]] up to order[start[row + 1]].
const start = new Uint32Array(G.shown + 1), order = new Uint32Array(E.members);
for (let i = 0; i < E.members; i++) if (at(E.member_row, i) !== null) start[at(E.member_row, i) + 1]++;
for (let row = 0; row < G.shown; row++) start[row + 1] += start[row];
for (let i = 0, next = start.slice(); i < E.members; i++) {
  const row = at(E.member_row, i);
  if (row !== null) order[next[row]++] = E.member_event === null ? i : at(E.member_event, i);
}

// Texts.
const $ = id => document.getElementById(id);
function el(tag, properties, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties || {})) {
    if (name in node) node[name] = value; else node.setAttribute(name, value);
  }
  node.append(...children.filter(child => child !== null && child !== undefined));
  return node;
}
function svg(tag, attributes, text) {
  const node = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text !== undefined) node.textContent = text;
  return node;
}
const number = n => String(n).replace(/\B(?=(\d{3})+$)/g, ',');
const counted = (n, noun) => `${number(n)} ${noun}${n === 1 ? '' : 's'}`;
const iso = s => new Date(s * 1000).toISOString().replace(/\.\d+Z$/, '');
const clock = s => iso(s).replace('T', ' ');
const exact = (s, ticks) => s === null ? '' : `${iso(s)}.${String(ticks).padStart(7, '0')}Z`;
const short = s => s === null || s === undefined ? '' : clock(s);
const base = path => path.slice(path.lastIndexOf('\\') + 1);
const place = (dest, ip) => dest === ip || ip === '' ? dest : `${dest} (${ip})`;
const bytes = n => n < 1024 ? counted(n, 'byte') : n < 2 ** 20 ? `${(n / 1024).toFixed(1)} KiB`
  : n < 2 ** 30 ? `${(n / 2 ** 20).toFixed(1)} MiB` : `${(n / 2 ** 30).toFixed(1)} GiB`;
function duration(ms) {
  if (ms < 1000) return `${ms} ms`;
  for (const [unit, size] of [['d', 864e5], ['h', 36e5], ['min', 6e4]]) if (ms >= 2 * size) return `${+(ms / size).toFixed(1)} ${unit}`;
  return `${+(ms / 1000).toFixed(1)} s`;
}
// What is short is kept on a line.
const kindOf = (kind, cell) => `${kind || ''}${(cell.firstChild ? cell.firstChild.textContent : String(cell)).length <= 30 ? ' short' : ''}`;
function table(columns, rows) {
  const head = columns.map(([name, kind]) => el('th', { scope: 'col', className: kind || '' }, name));
  return el('table', {}, el('thead', {}, el('tr', {}, ...head)),
    el('tbody', {}, ...rows.map(cells => el('tr', {}, ...cells.map((cell, i) => el('td', { className: kindOf(columns[i][1], cell) }, cell))))));
}
const processes = D.rule.processes || [];
const whose = D.rule.rules.length > 1 ? ' that the rules look for' : processes.length ? ` of ${processes.join(', ')}` : '';
const F = D.options.filters, within = F === null ? '' : ' within the filters';
function filters() {
  const times = ['since', 'until'].filter(name => F[name] !== null).map(name => `${name} ${F[name]}`);
  const patterns = ['host', 'user', 'port', 'transport', 'direction'].filter(name => F[name].length).map(name => `${name} ${F[name].join(' or ')}`);
  return [...times, ...patterns].join('; ');
}

// The head.
function head() {
  const title = D.title, attack = D.attack && `MITRE ATT&CK ${D.attack.split(' ')[0]}`;
  $('tool').textContent = `${D.tool.name} ${D.tool.version} · ${D.options.source === 'sysmon' ? 'Sysmon network' : 'Network'} connections in Windows event logs`;
  $('title').replaceChildren(title || (whose ? `Network connections${whose}` : 'Network connections'), ...(attack ? [' ', el('span', { className: 'chip' }, attack)] : []));
  $('lead').textContent = `${counted(N.hits - N.duplicates - N.twins - N.unwatched, 'hit')}${whose} in ${counted(N.records_read + N.records_ruled_out, 'record')} of ${counted(N.logs, 'log')}`
    + (N.excluded ? `; ${number(N.excluded)} to excluded networks are left out` : '')
    + (F === null ? '' : `. Filters: ${filters()}`);
  document.title = `${title || 'Network connections'} · netsift report`;
  const tile = (name, value, more, kind) => el('div', { className: `tile ${kind || ''}` }, el('dt', {}, name),
    el('dd', {}, value, more ? el('small', {}, more) : null));
  $('tiles').append(
    tile('Hits', number(N.hits - N.duplicates - N.twins - N.unwatched), N.hits_recovered ? `${number(N.hits_recovered)} recovered` : N.duplicates ? `${number(N.duplicates)} copies dropped` : ''),
    tile('Groups', number(G.total)),
    tile('Hosts', D.hosts === null ? '–' : number(D.hosts)),
    tile('Destinations', D.destinations === null ? '–' : number(D.destinations.top.length + D.destinations.more)),
    tile('Excluded', number(N.excluded)),
    tile('Defects', number(N.defects), N.defects ? 'see below' : '', N.defects ? 'warn' : ''),
    tile('First seen (UTC)', D.first ? clock(D.first[0]) : '–', '', 'time'),
    tile('Last seen (UTC)', D.last ? clock(D.last[0]) : '–', '', 'time'));
  if (G.total === 0) {
    for (const section of document.querySelectorAll('.found')) section.hidden = true;
    document.querySelector('.skip').href = '#made';
    $('nothing').hidden = false;
    $('nothing-why').textContent = N.unwatched ? `${counted(N.unwatched, 'hit')} left out: no watchlist has the remote end.` : (N.chosen === 0 ? `No network connection${whose}${within}` : `None of ${counted(N.chosen, 'network connection')}${whose}${within} is a hit: `
      + `${number(N.excluded)} went to excluded networks, ${number(N.outside_detection)} to none of the detection networks. This is what was searched:`)
      + (N.chosen === 0 ? ` in ${counted(N.records_read + N.records_ruled_out, 'record')} of ${counted(N.logs, 'log')}.` : ` ${counted(N.records_read + N.records_ruled_out, 'record')} of ${counted(N.logs, 'log')}.`)
      + (N.sysmon_chunks === 0 ? ` None of the chunks names ${D.options.source === 'sysmon' ? 'Sysmon' : D.options.source === 'security' ? 'Security-Auditing' : 'Sysmon or Security-Auditing'}: these may not be the right logs.` : '')
      + (N.defects ? ` ${counted(N.defects, 'defect')} kept evidence from being read, see below.` : ' All of the evidence could be read.');
  }
}

// The timeline. Points are hits or, where not all hits are in the page, buckets of them.
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 1209600, 2592000, 7776000, 31536000];
const SERIES = 9;
let stack = 0, view = null, filterRange = null;

function points() {
  const all = [[], []];
  for (const i of [0, 1]) {
    if (D.timeline === null) {
      for (let e = 0; e < E.shown; e++) if (seconds[e] !== null) all[i].push([seconds[e], seriesOf(i, at(E.stacks[i], e)), 1]);
      continue;
    }
    D.timeline.stacks[i].forEach((list, series) => {
      for (let b = 0; b < list.length; b += 2) all[i].push([D.timeline.start + list[b] * D.timeline.width, seriesOf(i, series), list[b + 1]]);
    });
  }
  return all;
}
// The colour of all others is the last one.
const seriesOf = (i, series) => series === D.stacks[i].labels.length ? SERIES - 1 : series;
const label = (i, series) => series === SERIES - 1 ? `${number(D.stacks[i].more)} more` : place(...D.stacks[i].labels[series]) || '(not stated)';

function timeline() {
  if (!D.first || D.of_groups) { $('timeline').hidden = true; return; }
  const all = points(), chart = $('chart');
  const finest = D.timeline ? D.timeline.width : 1;
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
    for (const [time, series, hits] of all[stack]) {
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
    const tick = STEPS.find(step => (end - origin) / step <= (width - left) / 105) || STEPS.at(-1) * Math.ceil((end - origin) / STEPS.at(-1) / 8);
    for (let time = Math.ceil(origin / tick) * tick; time < end; time += tick) {
      const text = tick >= 86400 ? clock(time).slice(0, 10) : time % 86400 === 0 ? clock(time).slice(5, 10) : clock(time).slice(11, tick < 60 ? 19 : 16);
      picture.append(svg('line', { class: 'grid', x1: x(time), x2: x(time), y1: height - bottom, y2: height - bottom + 4 }));
      if (x(time) < width - 30) picture.append(svg('text', { x: x(time), y: height - 5, 'text-anchor': x(time) < left + 25 ? 'start' : 'middle' }, text));
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
    chart.setAttribute('aria-label', `${counted(shown, 'hit')} from ${clock(view[0])} to ${clock(view[1])} UTC, at most ${number(highest)} in ${duration(step * 1000)}`);
    shape = { x, over, selected, origin, step, rows, totals, end, left, width,
      time: px => origin + (Math.min(Math.max(px, left), width - 8) - left) / (width - left - 8) * (end - origin) };
    told(`${clock(view[0])} to ${clock(view[1])} · ${counted(shown, 'hit')} · a bar is ${duration(step * 1000)}${D.untimed ? ` · ${number(D.untimed)} without a time` : ''}`);
    const used = new Set(rows.flatMap(row => [...row.keys()].filter(series => row[series] > 0)));
    $('legend').replaceChildren(...[...used].sort((a, b) => a - b).map(series => {
      const mark = svg('svg', { viewBox: '0 0 10 10', 'aria-hidden': 'true' });
      mark.append(svg('rect', { class: `s${series}`, width: 10, height: 10, rx: 2 }));
      return el('li', {}, mark, el('span', {}, label(stack, series), ' ', el('b', {}, number(rows.reduce((sum, row) => sum + row[series], 0)))));
    }));
    const all = view[0] === whole[0] && view[1] === whole[1];
    for (const id of ['zoom-out', 'zoom-reset', 'earlier', 'later']) $(id).disabled = all;
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
      $('readout').textContent = `${clock(shape.origin + i * shape.step)} and ${duration(shape.step * 1000)} · ${counted(shape.totals[i], 'hit')}${parts.length ? `: ${parts.join(', ')}` : ''}`;
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
  new ResizeObserver(() => { if (!shape || Math.abs(shape.width - chart.clientWidth) > 1) draw(); }).observe(chart);
}

// The summaries. A button in them filters the table by the fields that the groups have.
function filterBy(text, values) {
  const known = Object.entries(values).filter(([name, value]) => G.fields[name] !== undefined && value !== '' && !value.includes('"'));
  if (known.length === 0) return text;
  const button = el('button', { type: 'button', className: 'link', title: 'Show in the table' }, text);
  button.onclick = () => {
    $('filter').value = known.map(([name, value]) => `${name}=${/[\s]/.test(value) ? `"${value}"` : value}`).join(' ');
    refresh();
    $('groups').scrollIntoView();
    $('filter').focus({ preventScroll: true });
  };
  return button;
}
function destinations() {
  if (D.destinations === null) { $('destinations').hidden = true; return; }
  const { top, more } = D.destinations, most = Math.max(1, ...top.map(one => one.hits));
  const rows = top.map(one => {
    const bar = el('span', { className: 'bar' });
    bar.style.width = `${one.hits / most * 100}%`;
    const ports = one.ports.slice(0, 8).join(', ') + (one.ports.length > 8 ? ', …' : '');
    return [el('span', {}, filterBy(one.dest || '(not stated)', { dest: one.dest, dest_ip: one.dest_ip }), one.dest_ip && one.dest_ip !== one.dest ? el('small', {}, one.dest_ip) : null),
      el('span', {}, one.network, one.special ? el('small', {}, 'special purpose') : null), ports, number(one.hosts), el('span', {}, number(one.hits), bar),
      el('span', {}, one.first ? short(one.first[0]) : '', el('small', {}, one.last ? short(one.last[0]) : ''))];
  });
  fill('destinations', [['Destination'], ['Network'], ['Ports'], ['Hosts', 'number'], ['Hits', 'number'], ['First and last seen', 'time']], rows, more, 'destination');
  if (D.of_groups) countedByRule('destinations');
}
function regular() {
  if (D.of_groups) { $('regular').hidden = true; return; }
  const { top, more } = D.regular;
  if (top.length === 0) {
    $('regular').querySelector('.scroll').append(el('p', { className: 'dim' }, 'Nothing was repeated five times.'));
    return;
  }
  const rows = top.map(one => {
    const spread = one.median ? one.deviation / one.median : Infinity, bar = el('span', { className: 'bar' });
    bar.style.width = `${Math.max(0, 1 - spread) * 100}%`;
    const share = spread === Infinity ? '' : spread >= 10 ? 'over 1000 %' : `${(spread * 100).toFixed(spread < 0.1 ? 1 : 0)} %`;
    return [el('span', {}, one.dvc || '(not stated)', el('small', { title: one.app }, base(one.app))),
      el('span', {}, filterBy(one.dest || '(not stated)', { dvc: one.dvc, app: one.app, dest: one.dest, dest_ip: one.dest_ip, dest_port: one.dest_port }), el('small', {}, `${one.dest === one.dest_ip ? '' : one.dest_ip} ${one.dest_port && `port ${one.dest_port}`}`)),
      number(one.count), duration(one.median), el('span', {}, `± ${duration(one.deviation)}`, el('small', {}, share), el('span', { className: 'track', title: 'full: no deviation at all' }, bar))];
  });
  fill('regular', [['Host, process'], ['Destination'], ['Hits', 'number'], ['Interval', 'number'], ['Spread', 'number']], rows, more, 'kind of connection', 'kinds of connections');
  if (D.channels_left_out) $('regular').append(el('p', { className: 'note' }, `${counted(D.channels_left_out, 'hit')} of further kinds were not followed.`));
}
function fill(id, columns, rows, more, noun, nouns) {
  const box = $(id).querySelector('.scroll');
  box.append(table(columns, rows));
  if (more) box.append(el('p', { className: 'note' }, `and ${number(more)} more ${more === 1 ? noun : nouns || `${noun}s`}`));
}
// Groups are of a rule each, so that what is counted from them has a connection as often as it has rules.
function countedByRule(id) {
  if (Array.isArray(G.fields.rule_title)) $(id).append(el('p', { className: 'note' }, 'A connection counts once for each rule that it is a hit of.'));
}
function rare() {
  if (D.rare === null) { $('rare').hidden = true; return; }
  const { top, more } = D.rare;
  const rows = top.map(one => [number(one.hosts), one.first_host || '(not stated)', one.process || '(not stated)',
    filterBy(one.destination || '(not stated)', { [G.fields.dest === undefined ? 'dest_ip' : 'dest']: one.destination }), number(one.hits),
    one.first ? short(one.first[0]) : '', one.last ? short(one.last[0]) : '']);
  fill('rare', [['Hosts', 'number'], ['First host'], ['Process'], ['Destination'], ['Hits', 'number'], ['First seen', 'time'], ['Last seen', 'time']], rows, more, 'pair');
  countedByRule('rare');
}
function matrix() {
  if (D.matrix === null) { $('matrix').hidden = true; return; }
  const { hosts, destinations, hits, more_hosts, more_destinations } = D.matrix;
  const alone = dest => destinations.filter(other => other[0] === dest).length === 1;
  const columns = destinations.map(([dest, ip]) => (alone(dest) ? dest : place(dest, ip)) || '(not stated)').concat(more_destinations ? [`${number(more_destinations)} more`] : []);
  const rows = hosts.map(host => host || '(not stated)').concat(more_hosts ? [`${number(more_hosts)} more`] : []);
  const most = Math.max(1, ...hits.slice(0, hosts.length).flatMap(row => row.slice(0, destinations.length)));
  const heat = n => n === 0 ? 0 : most === 1 ? 1 : 1 + Math.min(4, Math.floor(Math.log(n) / Math.log(most) * 4.999));
  const cell = (row, i, n, j) => el('td', n === 0 ? {} : { title: `${row} → ${columns[j]}: ${counted(n, 'hit')}`,
    className: i < hosts.length && j < destinations.length ? `h${heat(n)}` : 'rest' }, n ? number(n) : '');
  $('matrix').querySelector('.scroll').append(el('table', { className: 'heat' },
    el('thead', {}, el('tr', {}, el('td', {}), ...columns.map(name => el('th', { scope: 'col', title: name }, el('span', {}, name))))),
    el('tbody', {}, ...rows.map((row, i) => el('tr', {}, el('th', { scope: 'row', title: row }, row), ...columns.map((_, j) => cell(row, i, hits[i][j], j)))))));
  $('matrix').querySelector('.heat thead td').className = 'corner';
  if (D.of_groups) countedByRule('matrix');
}

// The table: sorted and filtered as lists of row numbers; PAGE rows at a time become elements.
const PAGE = 200, MAIN = ['dvc', 'user', 'process_name', 'dest', 'dest_ip', 'dest_port', 'transport', 'direction'];
const OF_RULE = ['rule_level', 'rule_title'], OF_RARITY = ['host_count', 'first_host'], OF_PROCESS = D.of_process, OF_LABELS = D.of_labels, LEVELS = ['informational', 'low', 'medium', 'high', 'critical'];
let rows = Array.from({ length: G.shown }, (_, row) => row), shownRows = 0, sorting = ['firstTime', 1], searched = null;
const ranks = {};
// What is the same in all rows is told once, above the table.
const told = ['user', 'process_name', 'transport', 'direction', ...OF_RULE].filter(name => G.shown > 1 && FIELDS.includes(name) && !Array.isArray(G.fields[name]));
function columns() {
  const is = name => FIELDS.includes(name) && !told.includes(name), ofRule = OF_RULE.filter(is);
  let main = MAIN.filter(is);
  if (main.length + told.length < 3) main = FIELDS.filter(name => ![...OF_RULE, 'rule_author', ...OF_RARITY, ...OF_PROCESS, ...OF_LABELS].includes(name)).slice(0, 8);
  main.push(...ofRule, ...OF_RARITY.filter(is), ...OF_LABELS.filter(is));
  return [['firstTime', 'time', 'first (UTC)'], ['lastTime', 'time', 'last (UTC)'], ['count', 'number', 'count'], ...main.map(name => [name, ['dest_port', 'host_count'].includes(name) ? 'number' : '', name])];
}
// The rank of each text of a column among its texts, in natural order; of levels, from the least severe.
function rank(name) {
  if (!ranks[name]) {
    const collator = new Intl.Collator('en', { numeric: true }), column = G.fields[name];
    const level = id => name === 'rule_level' ? LEVELS.indexOf(D.strings[id]) : 0;
    const ids = [...new Set(Array.isArray(column) ? column : [column])].sort((a, b) => level(a) - level(b) || collator.compare(D.strings[a], D.strings[b]) || a - b);
    const place = new Map(ids.map((id, i) => [id, i]));
    ranks[name] = rows => place.get(at(column, rows));
  }
  return ranks[name];
}
function sortRows() {
  const [name, way] = sorting, time = { firstTime: G.first, lastTime: G.last }[name];
  const by = time ? (a, b) => at(time[0], a) - at(time[0], b) || at(time[1], a) - at(time[1], b)
    : name === 'count' ? (a, b) => at(G.count, a) - at(G.count, b) : (a, b) => rank(name)(a) - rank(name)(b);
  rows.sort((a, b) => way * by(a, b) || a - b);
}
// `word`, `field:text`, `field=value`, each with `-` for not, values in quotes if they have spaces.
function terms(text) {
  return [...text.toLowerCase().matchAll(/(-?)(?:([a-z_]+)([:=]))?(?:"([^"]*)"|(\S+))/g)].map(([whole, not, name, is, quoted, plain]) => {
    const value = quoted ?? plain, known = name && Object.hasOwn(G.fields, name) ? G.fields[name] : undefined;
    const test = known === undefined || name === undefined ? row => searched[row].includes(name ? whole.slice(not.length) : value)
      : is === '=' ? row => field(name, row).toLowerCase() === value : row => field(name, row).toLowerCase().includes(value);
    return not ? row => !test(row) : test;
  });
}
function refresh() {
  const wanted = terms($('filter').value);
  if (wanted.length && !searched) searched = Array.from({ length: G.shown }, (_, row) => [...FIELDS.map(name => field(name, row)), ...lineage(row).map(one => D.strings[one.command])].join('\n').toLowerCase());
  rows = [];
  for (let row = 0; row < G.shown; row++) {
    const inside = !filterRange || (at(G.first[0], row) !== null && at(G.first[0], row) < filterRange[1] && at(G.last[0], row) >= filterRange[0]);
    if (inside && wanted.every(test => test(row))) rows.push(row);
  }
  sortRows();
  shownRows = 0;
  $('table').querySelector('tbody').replaceChildren();
  showMore(PAGE);
}
function showMore(count) {
  const body = $('table').querySelector('tbody'), next = Math.min(rows.length, shownRows + count);
  const shape = columns();
  body.append(...rows.slice(shownRows, next).map(row => line(row, shape)));
  shownRows = next;
  fit();
  $('more').hidden = next === rows.length;
  $('more').textContent = `Show ${number(Math.min(PAGE, rows.length - next))} more`;
  $('filter-clear').disabled = $('filter').value === '';
  $('table-status').textContent = `${rows.length === G.shown ? counted(G.shown, 'group') : `${number(rows.length)} of ${counted(G.shown, 'group')}`}`
    + (next < rows.length ? `, the first ${number(next)} shown` : '') + (filterRange ? ' · only the range of the timeline' : '')
    + (told.length ? ` · all of them: ${told.map(name => `${name} ${field(name, 0) || '(not stated)'}`).join(', ')}` : '')
    + (G.total > G.shown ? ` · ${number(G.total - G.shown)} more groups are in the report and not in this page` : '');
}
// Lines are kept whole unless the table would be wider than its place.
function fit() {
  const table = $('table').firstChild;
  table.classList.remove('wrap', 'tight');
  // First what is short is broken, then times and headings too.
  for (const how of ['wrap', 'tight']) if (table.scrollWidth > $('table').clientWidth) table.classList.add(how);
}
function line(row, shape) {
  const button = el('button', { type: 'button', 'aria-expanded': 'false', 'aria-label': `Events of group ${number(row + 1)}` });
  const value = name => name === 'firstTime' ? short(at(G.first[0], row)) : name === 'lastTime' ? short(at(G.last[0], row))
    : name === 'count' ? number(at(G.count, row)) : field(name, row);
  const same = name => name === 'dest_ip' && G.fields.dest !== undefined && field('dest', row) === field('dest_ip', row);
  const node = el('tr', {}, el('td', { className: 'expand' }, button), ...shape.map(([name, kind, text]) => el('td', { className: kindOf(kind, value(name)) + (same(name) ? ' same' : ''), 'data-label': text }, value(name))));
  button.onclick = () => {
    const open = button.getAttribute('aria-expanded') === 'true';
    button.setAttribute('aria-expanded', String(!open));
    node.classList.toggle('open', !open);
    if (open) node.nextSibling.remove(); else node.after(detail(row, shape.length + 1));
  };
  return node;
}
// The process of a row and those that it comes from, the first one first.
function lineage(row) {
  const line = [];
  for (let place = at(G.process, row); place !== null && place !== undefined; place = G.family.members[place].above) line.unshift(G.family.members[place]);
  return line;
}
// What a tree shows of a process and the one above it.
const IN_TREE = ['process', 'process_hash', 'process_start', 'process_end', 'parent_process', 'parent_process_path', 'parent_process_name', 'ancestry'];
function tree(row) {
  // Of one that is pages long, the rest is for who asks.
  const command = text => text.length <= 500 ? el('code', {}, text) : el('details', {}, el('summary', {}, el('code', {}, `${text.slice(0, 300)} … (${number(text.length)} characters)`)), el('code', {}, text));
  const line = lineage(row), moment = time => time === null ? null : exact(time[0], time[1]);
  const times = one => [[one.start, 'started'], [one.end, 'ended']].filter(([time]) => time !== null).map(([time, what]) => `${what} ${moment(time)}`).join(', ');
  const item = (one, below) => el('li', {}, el('b', {}, base(D.strings[one.image]) || '(not stated)'), el('small', {}, times(one)),
    command(D.strings[one.command]), D.strings[one.hashes] ? el('small', { className: 'mono' }, D.strings[one.hashes]) : null, below);
  return line.length ? el('div', { className: 'tree' }, el('h4', {}, 'What ran it'), el('ol', {}, line.reduceRight((below, one) => item(one, below ? el('ol', {}, below) : null), null))) : null;
}
function detail(row, span) {
  const drawn = tree(row);
  const facts = [['firstTime', exact(at(G.first[0], row), at(G.first[1], row))], ['lastTime', exact(at(G.last[0], row), at(G.last[1], row))],
    ...FIELDS.map(name => [name, field(name, row)]).filter(([name, value]) => !OF_PROCESS.includes(name) || (value && !(drawn && IN_TREE.includes(name))))];
  const own = order.subarray(start[row], start[row + 1]), missing = at(G.count, row) - own.length;
  const more = Object.entries(E.more), yes = e => at(E.recovered, e) ? 'recovered' : '';
  const shape = [['time (UTC)', 'time'], ['record', 'number'], ['UtcTime', 'time'], ['Sysmon rule'], ...more.map(([name]) => [name]), ['log'], ['chunk', 'number'], ['offset', 'number'], ['']];
  const event = e => [exact(seconds[e], at(E.ticks, e)), string(E.record_id, e), string(E.utc_time, e), string(E.rule_name, e), ...more.map(([, column]) => string(column, e)),
    string(E.source, e), number(at(E.chunk, e)), `0x${at(E.offset, e).toString(16)}`, yes(e)];
  const list = table(shape, [...own.subarray(0, 50)].map(event));
  const cell = el('td', { colSpan: span }, drawn, el('dl', { className: 'facts' }, ...facts.map(([name, value]) => el('div', { className: value.length > 40 ? 'long' : '' }, el('dt', {}, name), el('dd', {}, value || '–')))),
    own.length ? el('div', { className: 'scroll', tabIndex: 0, role: 'region', 'aria-label': `Events of group ${number(row + 1)}` }, list) : null);
  if (own.length > 50) {
    const button = el('button', { type: 'button' }, `Show all ${number(own.length)} events`);
    button.onclick = () => { list.replaceWith(table(shape, [...own].map(event))); button.remove(); };
    cell.append(button);
  }
  if (missing > 0 && !D.of_groups) cell.append(el('p', { className: 'note' }, `${counted(missing, 'event')} of this group ${missing === 1 ? 'is' : 'are'} not in this page; --events writes them all.`));
  return el('tr', { className: 'detail' }, cell);
}
function groups() {
  const heads = columns().map(([name, kind, text]) => {
    const button = el('button', { type: 'button' }, text), th = el('th', { scope: 'col', className: kind, 'aria-sort': name === 'firstTime' ? 'ascending' : 'none' }, button);
    button.onclick = () => {
      sorting = sorting[0] === name ? [name, -sorting[1]] : [name, name === 'count' ? -1 : 1];
      for (const other of th.parentNode.children) if (other.hasAttribute('aria-sort')) other.setAttribute('aria-sort', 'none');
      th.setAttribute('aria-sort', sorting[1] === 1 ? 'ascending' : 'descending');
      refresh();
    };
    return th;
  });
  $('table').append(el('table', {}, el('thead', {}, el('tr', {}, el('th', {}), ...heads)), el('tbody', {})));
  $('filter').oninput = refresh;
  $('filter-clear').onclick = () => { $('filter').value = ''; refresh(); $('filter').focus(); };
  $('more').onclick = () => showMore(PAGE);
  // On paper there is no button for more.
  window.addEventListener('beforeprint', () => { if (shownRows < 1000) showMore(1000 - shownRows); });
  refresh();
  new ResizeObserver(fit).observe($('table'));
}

// How the page was made.
function made() {
  const R = D.rule, list = el('dl', { className: 'made' });
  const say = (name, ...values) => list.append(el('dt', {}, name), el('dd', {}, ...values));
  const folded = (title, open, ...content) => el('details', { open }, el('summary', {}, title), ...content);
  const networks = (all, counts) => el('div', { className: 'networks' }, ...all.map((network, i) => el('div', {}, network, counts && counts[i] ? el('b', {}, `  ${number(counts[i])}`) : null)));
  const rule = one => el('div', {}, `${one.title}${one.id ? `, ${one.id}` : ''}, ${one.source}`);
  say(R.rules.length > 1 ? 'Rules' : 'Rule', folded(counted(R.rules.length, 'rule'), R.rules.length <= 10, ...R.rules.map(rule)), el('div', { className: 'dim mono' }, `SHA-256 ${R.sha256}`));
  if (R.processes !== null) say('Processes', R.processes.length ? R.processes.join(', ') : 'any');
  say('Detection networks', R.detection_networks === null ? 'anywhere' : folded(counted(R.detection_networks.length, 'network'), false, networks(R.detection_networks)));
  say('Exclusion networks', R.exclusion_networks.length === 0 ? 'none' : folded(`${counted(R.exclusion_networks.length, 'network')}, which left out ${counted(N.excluded, 'connection')}`, N.excluded > 0, networks(R.exclusion_networks, D.excluded)));
  say('Grouped by', FIELDS.filter(name => ![...OF_RARITY, ...OF_PROCESS, ...OF_LABELS].includes(name)).join(', '));
  say('Options', [...(D.options.source === 'sysmon' ? [] : [`source: ${D.options.source}`]), D.options.recover ? 'records that are no longer part of their log are included' : 'only records that are part of their log', D.options.dedup ? 'copies of an event count once' : 'copies of an event count each',
    ...(D.options.only_watched ? [`only groups with a connection on a watchlist: ${counted(N.unwatched, 'hit')} left out`] : []), ...(D.options.clock === 'utc' ? ['times are those of UtcTime'] : []), ...(R.judged === 'remote' ? ['networks are judged by the peer'] : [])].join('; '));
  if (F !== null) say('Filters', filters(), el('div', {}, `${counted(N.filtered, 'connection')} read and left out`));
  const [decoded, ruledOut, unused, unreadable] = N.chunks;
  say('Searched', `${counted(N.logs, 'log')}, ${bytes(N.bytes)}${N.dirty ? `, ${number(N.dirty)} copied while in use` : ''}`,
    el('div', {}, `chunks: ${number(decoded)} decoded, ${number(ruledOut)} ruled out unread, ${number(unused)} never used, ${number(unreadable)} unreadable`),
    el('div', {}, `records: ${number(N.records_read)} read, ${number(N.records_ruled_out)} ruled out unread${N.records_recovered ? `, ${number(N.records_recovered)} recovered` : ''}`));
  say('Found', `${counted(N.chosen, 'connection')}${whose}: ${counted(N.hits, 'hit')}, ${number(N.excluded)} excluded, ${number(N.outside_detection)} outside the detection networks`
    + (N.duplicates ? `; ${number(N.duplicates)} of the hits dropped as copies` : '')
    + (N.twins ? `; ${number(N.twins)} of the hits dropped that Sysmon has logged too` : ''),
    N.excluded_peers ? el('div', {}, `${counted(N.excluded_peers, 'inbound connection')} of those excluded have a source in no such network, which may be the peer`) : null,
    N.unjoined ? el('div', {}, `${counted(N.unjoined, 'connection')} not judged by rules that ask for the process: its start is not in these logs`) : null);
  if (N.clocks) say('Clocks', N.clocks);
  const kinds = Object.entries(D.defects).map(([kind, count]) => `${number(count)} ${kind}`).join(', ');
  const defect = one => [one.path, one.chunk === null ? '' : number(one.chunk), one.offset === null ? '' : `0x${one.offset.toString(16)}`, one.cause];
  say('Defects', N.defects === 0 ? 'none: everything was read' : folded(`${number(N.defects)}: ${kinds}`, true, el('div', { className: 'scroll' },
    table([['log'], ['chunk', 'number'], ['offset', 'number'], ['what is wrong']], D.first_defects.slice(0, 200).map(defect)),
    N.defects > 200 ? el('p', { className: 'note' }, `and ${number(N.defects - Math.min(200, D.first_defects.length))} more`) : null)));
  const hashed = [...D.sources, ...D.archives].some(file => file.sha256);
  const sha256 = one => one.sha256 ? el('small', { className: 'mono' }, `SHA-256 ${one.sha256}`) : null;
  const archive = one => [el('span', {}, one.name, sha256(one)), bytes(one.size)];
  if (D.archives.length) say('Archives', folded(counted(D.archives.length + D.more_archives, 'archive'), D.archives.length <= 20, el('div', { className: 'scroll' },
    table([['archive'], ['size', 'number']], D.archives.map(archive)),
    D.more_archives ? el('p', { className: 'note' }, `and ${number(D.more_archives)} more`) : null)));
  const source = one => [el('span', {}, one.name, one.dirty ? el('small', {}, 'copied while in use') : null, sha256(one)),
    bytes(one.size), number(one.records), number(one.hits), one.defects ? number(one.defects) : ''];
  say('Logs', folded(counted(D.sources.length + D.more_sources, 'log'), D.sources.length <= 20, el('div', { className: 'scroll' },
    table([['log'], ['size', 'number'], ['records', 'number'], ['hits', 'number'], ['defects', 'number']], D.sources.map(source)),
    D.more_sources ? el('p', { className: 'note' }, `and ${number(D.more_sources)} more`) : null, hashed ? null : el('p', { className: 'note' }, 'With --manifest the logs are hashed.'))));
  const format = { csv: 'CSV', jsonl: 'JSON lines', table: 'a table', parquet: 'Parquet' }[D.options.format];
  say('Report', `${counted(D.report.rows, 'row')} of ${format}`, el('div', { className: 'dim mono' }, `SHA-256 ${D.report.sha256}`));
  say('This page', D.of_groups ? `${counted(G.shown, 'group')}. Single events are not known: --partial-events puts them into partial results` : `${counted(G.shown, 'group')} and ${counted(E.shown, 'event')}`
    + (E.left_out ? `; ${number(E.left_out)} more events are counted above but not listed: --events writes them all` : ': everything that was found'));
  $('made-body').append(list);
}

head();
if (G.total > 0) {
  timeline();
  destinations();
  regular();
  rare();
  matrix();
  groups();
}
made();
document.documentElement.dataset.ready = 'true';
