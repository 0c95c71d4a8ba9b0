
// The table: sorted and filtered as lists of row numbers; PAGE rows at a time become elements.
const PAGE = 200, MAIN = ['dvc', 'user', 'app', 'process_name', 'direction', 'remote', 'dest', 'dest_ip', 'port', 'dest_port', 'transport'];
// What columns are called, if not by the name of their field.
const LABELS = { dvc: 'host', app: 'process' };
const OF_RULE = ['rule_level', 'rule_title'], BESIDE_RULE = ['rule_id', 'mitre_attack', 'rule_author'], OF_RARITY = ['host_count', 'first_host'], OF_PROCESS = D.of_process, OF_LABELS = D.of_labels, LEVELS = ['informational', 'low', 'medium', 'high', 'critical'];
let rows = [], shownRows = 0, sorting = ['firstTime', 1];
const ranks = {};
// What is the same in all rows is told once, above the table.
const told = ['user', has('app') ? 'app' : 'process_name', 'transport', 'direction', ...OF_RULE].filter(name => G.shown > 1 && FIELDS.includes(name) && !Array.isArray(G.fields[name]));
function columns() {
  const is = name => FIELDS.includes(name) && !told.includes(name) && !(name === 'process_name' && FIELDS.includes('app')), ofRule = OF_RULE.filter(is);
  let main = MAIN.filter(is);
  if (main.length + told.length < 3) main = FIELDS.filter(name => ![...OF_RULE, ...BESIDE_RULE, ...OF_RARITY, ...OF_PROCESS, ...OF_LABELS].includes(name)).slice(0, 8);
  main.push(...ofRule, ...OF_RARITY.filter(is), ...OF_LABELS.filter(is));
  return [['firstTime', 'time', 'first (UTC)'], ['lastTime', 'time', 'last (UTC)'], ['count', 'number', 'count'], ...main.map(name => [name, ['port', 'dest_port', 'host_count'].includes(name) ? 'number' : '', LABELS[name] || name])];
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
// What is chosen decides everything on the page.
function refresh() {
  choose();
  rows = chosenRows();
  restart();
  redraw();
  for (const part of [tiles, rules, destinations, regular, rare, matrix]) part();
}
// The table from its first row.
function restart() {
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
  for (const id of ['copy', 'save']) $(id).disabled = rows.length === 0;
  $('table-status').textContent = `${rows.length === G.shown ? counted(G.shown, 'group') : `${number(rows.length)} of ${counted(G.shown, 'group')}`}`
    + (next < rows.length ? `, the first ${number(next)} shown` : '') + (filterRange ? ' · only the range of the timeline' : '')
    + (told.length ? ` · all of them: ${told.map(name => `${LABELS[name] || name} ${field(name, 0) || UNSTATED}`).join(', ')}` : '')
    + (G.total > G.shown ? ` · ${number(G.total - G.shown)} more groups are not in this page` : '');
}
// Lines are kept whole unless the table would be wider than its place. If it still is, it scrolls there.
function fit() {
  const box = $('table'), table = box.firstChild;
  box.classList.remove('wide');
  table.classList.remove('tight');
  const isWide = () => table.offsetWidth > box.clientWidth;
  if (isWide()) table.classList.add('tight');
  if (table.classList.contains('tight') && isWide()) box.classList.add('wide');
}
function line(row, shape) {
  const button = el('button', { type: 'button', 'aria-expanded': 'false', 'aria-label': `Events of group ${number(row + 1)}` });
  const text = name => name === 'firstTime' ? short(at(G.first[0], row)) : name === 'lastTime' ? short(at(G.last[0], row))
    : name === 'count' ? number(at(G.count, row)) : field(name, row);
  const address = string(G.address, row);
  const cell = name => name === 'app' ? program(text(name)) : name === 'remote' ? one(text(name) || UNSTATED, address !== text(name) ? address : null) : one(text(name));
  const same = name => name === 'dest_ip' && has('dest') && field('dest', row) === field('dest_ip', row);
  const node = el('tr', {}, el('td', { className: 'expand' }, button), ...shape.map(([name, kind, label]) => {
    const shown = cell(name);
    return el('td', { className: kindOf(kind, shown) + (same(name) ? ' same' : ''), 'data-label': label }, shown);
  }));
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
  const item = (one, below) => el('li', {}, el('b', {}, base(D.strings[one.image]) || UNSTATED), el('small', {}, times(one)),
    command(D.strings[one.command]), D.strings[one.hashes] ? el('small', { className: 'mono' }, D.strings[one.hashes]) : null, below);
  return line.length ? el('div', { className: 'tree' }, el('h4', {}, 'What ran it'), el('ol', {}, line.reduceRight((below, one) => item(one, below ? el('ol', {}, below) : null), null))) : null;
}
function detail(row, span) {
  const drawn = tree(row);
  const facts = [['firstTime', exact(at(G.first[0], row), at(G.first[1], row))], ['lastTime', exact(at(G.last[0], row), at(G.last[1], row))],
    ...FIELDS.map(name => [name, field(name, row)]).filter(([name, value]) => !OF_PROCESS.includes(name) || (value && !(drawn && IN_TREE.includes(name))))];
  const own = order.subarray(start[row], start[row + 1]), missing = at(G.count, row) - own.length;
  const yes = e => at(E.recovered, e) ? 'recovered' : '', isConstant = ([, column]) => G.shown > 1 && !Array.isArray(column);
  const more = Object.entries(E.more).filter(([name, column]) => !isConstant([name, column]));
  if (own.length) facts.push(...Object.entries(E.more).filter(isConstant).map(([name, column]) => [name, D.strings[column]]).filter(([, value]) => value));
  const shape = [['time (UTC)', 'time'], ['record', 'number'], ['UtcTime', 'time'], ['Sysmon rule'], ...more.map(([name]) => [name]), ['log'], ['chunk', 'number'], ['offset', 'number'], ['']];
  const event = e => [exact(seconds[e], at(E.ticks, e)), string(E.record_id, e), string(E.utc_time, e), string(E.rule_name, e), ...more.map(([, column]) => string(column, e)),
    string(E.source, e), number(at(E.chunk, e)), `0x${at(E.offset, e).toString(16)}`, yes(e)];
  const list = table(shape, [...own.subarray(0, 50)].map(event));
  const cell = el('td', { colSpan: span }, drawn, el('dl', { className: 'facts' }, ...facts.map(([name, value]) => el('div', { className: value.length > 40 ? 'long' : '' }, el('dt', {}, LABELS[name] || name), el('dd', {}, ...breakable(value || '–'))))),
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
      restart();
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

