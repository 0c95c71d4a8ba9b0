
// The cards: of everything, as the data says, or of the rows that are chosen.

// Puts a table into a card, or the text of why there is none, which makes the card a line.
function fill(id, { columns, rows, more, noun, nouns, nothing, notes }) {
  const card = $(id), box = card.querySelector('.scroll');
  card.classList.toggle('line', rows.length === 0);
  box.replaceChildren(rows.length ? table(columns, rows) : el('p', { className: 'dim' }, nothing));
  if (rows.length && more > 0) box.append(el('p', { className: 'note' }, `and ${number(more)} more ${more === 1 ? noun : nouns || `${noun}s`}`));
  card.querySelectorAll('.note.more').forEach(note => note.remove());
  if (rows.length) card.append(...(notes || []).map(note => el('p', { className: 'note more' }, note)));
  const pair = card.parentNode;
  if (pair.classList.contains('pair')) pair.classList.toggle('single', [...pair.children].some(one => one.hidden || one.classList.contains('line')));
}
const NOTHING = 'Nothing of what the filter leaves.';
// Groups are of a rule each, so that what is counted from them has a connection as often as it has rules.
const BY_RULE = 'A connection counts once for each rule that it is a hit of.';
const byRule = isOfRows => isOfRows && Array.isArray(G.rule) ? [BY_RULE] : [];
const ADDRESSED = has('dest_ip') ? G.fields.dest_ip : G.address;
const remoteOf = row => has('remote') ? field('remote', row) : has('dest') ? field('dest', row) : string(ADDRESSED, row);
const portOf = row => has('port') ? field('port', row) : has('dest_port') ? field('dest_port', row) : '';
const pathOf = row => has('app') ? field('app', row) : has('process_name') ? field('process_name', row) : '';
const earlier = (a, b) => b === null || a !== null && a <= b ? a : b;
const later = (a, b) => b === null || a !== null && a >= b ? a : b;
// The rows that are chosen, counted by what a function names, those with the most first.
function countRows(key) {
  const found = new Map();
  for (let row = 0; row < G.shown; row++) {
    if (!isChosen(row)) continue;
    const name = key(row), first = at(G.first[0], row), last = at(G.last[0], row);
    const entry = found.get(name) || { row, hits: 0, rows: [], first: null, last: null };
    entry.hits += at(G.count, row);
    entry.rows.push(row);
    entry.first = earlier(entry.first, first);
    entry.last = later(entry.last, last);
    found.set(name, entry);
  }
  return [...found.values()].sort((a, b) => b.hits - a.hits || a.row - b.row);
}

// The numbers at the top, of what is chosen and of all.
function tiles() {
  const hits = N.hits - N.duplicates - N.twins - N.unwatched, rows = chosen === null ? null : chosenRows();
  const tile = (name, value, more, kind) => el('div', { className: `tile ${kind || ''}` }, el('dt', {}, name), el('dd', {}, value, more ? el('small', {}, more) : null));
  const some = (name, all, count, more) => all === null ? tile(name, '–') : rows === null ? tile(name, number(all), more) : tile(name, number(count()), `of ${number(all)}`);
  const distinct = of => () => new Set(rows.map(of).filter(name => name !== '')).size;
  const first = rows === null ? D.first && D.first[0] : rows.map(row => at(G.first[0], row)).reduce(earlier, null);
  const last = rows === null ? D.last && D.last[0] : rows.map(row => at(G.last[0], row)).reduce(later, null);
  const time = s => s === null ? '–' : clock(s);
  $('tiles').replaceChildren(
    some(Nouns, hits, () => rows.reduce((sum, row) => sum + at(G.count, row), 0), N.hits_recovered ? `${number(N.hits_recovered)} recovered` : N.duplicates ? `${number(N.duplicates)} copies dropped` : ''),
    some('Groups', G.total, () => rows.length),
    some('Hosts', D.hosts, distinct(row => has('dvc') ? field('dvc', row) : null)),
    some('Destinations', D.destinations === null ? null : D.destinations.top.length + D.destinations.more, distinct(row => `${remoteOf(row)} ${at(ADDRESSED, row)}`)),
    tile('Excluded', number(N.excluded)),
    tile('Defects', number(N.defects), N.defects ? 'see below' : '', N.defects ? 'warn' : ''),
    tile('First seen (UTC)', time(first), '', 'time'),
    tile('Last seen (UTC)', time(last), '', 'time'));
}
// A card for each rule that has hits.
function rules() {
  $('rules').hidden = D.cards.length === 0;
  const ofRows = chosen === null ? null : new Map(countRows(row => at(G.rule, row)).map(entry => [at(G.rule, entry.row), entry]));
  const cards = D.cards.map(rule => [rule, ofRows === null ? rule.hits : ofRows.has(rule.rule) ? ofRows.get(rule.rule).hits : 0]).filter(([, hits]) => hits > 0);
  const isTitleUnique = title => D.cards.filter(other => other.title === title).length === 1;
  $('rules').querySelector('.rules').replaceChildren(...cards.map(([rule, hits]) => el('div', { className: `rule ${['high', 'critical'].includes(rule.level) ? 'severe' : ''}` },
    el('h3', {}, isTitleUnique(rule.title) ? filterBy(rule.title, { rule_title: rule.title }) : rule.title),
    el('p', { className: 'count' }, el('b', {}, number(hits)), hits === 1 ? ' hit' : ' hits', ofRows === null ? '' : ` of ${number(rule.hits)}`),
    el('p', { className: 'dim' }, [rule.level, rule.attack].filter(text => text).join(' · ')), rule.author ? el('p', { className: 'dim' }, `by ${rule.author}`) : null)));
  $('rules').classList.toggle('line', cards.length === 0);
  if (cards.length === 0) $('rules').querySelector('.rules').append(el('p', { className: 'dim' }, NOTHING));
}
const TOP = 50;
function destinations() {
  $('destinations').hidden = D.destinations === null;
  if (D.destinations === null) return;
  let { top, more } = D.destinations;
  if (chosen !== null) {
    const found = countRows(row => `${remoteOf(row)}\n${at(ADDRESSED, row)}`);
    top = found.slice(0, TOP).map(({ row, rows, hits, first, last }) => {
      const ports = [...new Set(rows.map(portOf))].sort((a, b) => a - b);
      return { dest: remoteOf(row), dest_ip: string(ADDRESSED, row), network: string(G.network, row), special: G.special.includes(at(G.network, row)), ports: ports.slice(0, 9),
        hosts: new Set(rows.map(row => has('dvc') ? at(G.fields.dvc, row) : 0)).size, hits, first: [first], last: [last] };
    });
    more = found.length - top.length;
  }
  const most = Math.max(1, ...top.map(one => one.hits)), time = at => at ? short(at[0]) : '';
  const rows = top.map(destination => {
    const bar = el('span', { className: 'bar' });
    bar.style.width = `${destination.hits / most * 100}%`;
    const ports = destination.ports.slice(0, 8).join(', ') + (destination.ports.length > 8 ? ', …' : '');
    return [el('span', {}, filterBy(destination.dest || UNSTATED, { remote: destination.dest, remote_ip: destination.dest_ip === destination.dest ? '' : destination.dest_ip }),
      destination.dest_ip && destination.dest_ip !== destination.dest ? el('small', {}, ...breakable(destination.dest_ip)) : null),
    el('span', {}, destination.network, destination.special ? el('small', {}, 'special purpose') : null), ports, number(destination.hosts), el('span', {}, number(destination.hits), bar),
    el('span', {}, time(destination.first), el('small', {}, time(destination.last)))];
  });
  fill('destinations', { columns: [['Destination'], ['Network'], ['Ports'], ['Hosts', 'number'], [Nouns, 'number'], ['First and last seen', 'time']],
    rows, more, noun: 'destination', nothing: NOTHING, notes: byRule(D.of_groups || chosen !== null) });
}
// Which channels have rows that are chosen. What came in is of the host itself, as its log says, and its rows are of the peer.
function channelsChosen() {
  const byProcess = new Map();
  for (let row = 0; row < G.shown; row++) {
    if (!isChosen(row)) continue;
    const key = `${has('dvc') ? field('dvc', row) : ''}\n${has('app') ? field('app', row) : ''}`;
    if (!byProcess.has(key)) byProcess.set(key, []);
    byProcess.get(key).push(row);
  }
  const same = (name, row, value) => !has(name) || field(name, row) === value;
  return ({ values: [dvc, app, dest, ip, port] }) => (byProcess.get(`${has('dvc') ? dvc : ''}\n${has('app') ? app : ''}`) || []).some(row =>
    same('process_name', row, base(app)) && same('dest', row, dest) && same('dest_ip', row, ip) && same('dest_port', row, port)
    && (!has('remote') || field('remote', row) === dest || field('direction', row) === 'inbound') && same('port', row, port));
}
const REGULAR = 100;
function regular() {
  $('regular').hidden = D.regular === null;
  if (D.regular === null) return;
  const found = chosen === null ? D.regular.top : D.regular.top.filter(channelsChosen());
  const rows = found.slice(0, REGULAR).map(channel => {
    const [dvc, app, dest, ip, port] = channel.values, bar = el('span', { className: 'bar' });
    bar.style.width = `${channel.score / 10}%`;
    return [one(dvc || UNSTATED), program(app),
      el('span', {}, filterBy(dest || UNSTATED, { dvc, app, dest, dest_ip: ip, dest_port: port }), ip && ip !== dest ? el('small', {}, ...breakable(ip)) : null), port,
      number(channel.count), duration(channel.median), `± ${duration(channel.deviation)}`,
      el('span', {}, (channel.score / 1000).toFixed(3), el('span', { className: 'track', title: 'full: a score of 1' }, bar))];
  });
  fill('regular', { columns: [['Host'], ['Process'], ['Destination'], ['Port', 'number'], [Nouns, 'number'], ['Interval', 'number'], ['Deviation', 'number'], ['Score', 'number']],
    rows, more: found.length - rows.length + (chosen === null ? D.regular.more : 0), noun: 'channel',
    nothing: chosen !== null && D.regular.top.length ? NOTHING : 'Nothing was repeated: no channel has four connections and three intervals.' });
}
function rare() {
  $('rare').hidden = D.rare === null;
  if (D.rare === null) return;
  let { top, more } = D.rare;
  if (chosen !== null) {
    const there = new Set(chosenRows().map(row => `${base(pathOf(row)).toLowerCase()}\n${remoteOf(row)}`));
    [top, more] = [top.filter(pair => there.has(`${pair.process}\n${pair.destination}`)), 0];
  }
  const rows = top.map(pair => [number(pair.hosts), one(pair.first_host || UNSTATED), one(pair.process || UNSTATED),
    filterBy(pair.destination || UNSTATED, { remote: pair.destination }), number(pair.hits), pair.first ? short(pair.first[0]) : '', pair.last ? short(pair.last[0]) : '']);
  fill('rare', { columns: [['Hosts', 'number'], ['First host'], ['Process'], ['Destination'], [Nouns, 'number'], ['First seen', 'time'], ['Last seen', 'time']], rows, more, noun: 'pair', nothing: NOTHING, notes: byRule(true) });
}
const MATRIX = 24;
// The same shape as in the data: of the rows that are chosen.
function matrixOfRows() {
  const ofHost = row => field('dvc', row), ofDestination = row => `${remoteOf(row)}\n${string(ADDRESSED, row)}`;
  const [hosts, destinations] = [ofHost, ofDestination].map(key => countRows(key).map(entry => key(entry.row)));
  const [rows, columns] = [hosts, destinations].map(names => new Map(names.slice(0, MATRIX).map((name, i) => [name, i])));
  const hits = Array.from({ length: rows.size + 1 }, () => new Array(columns.size + 1).fill(0));
  for (const row of chosenRows()) hits[rows.get(ofHost(row)) ?? rows.size][columns.get(ofDestination(row)) ?? columns.size] += at(G.count, row);
  return { hosts: [...rows.keys()], more_hosts: hosts.length - rows.size, destinations: [...columns.keys()].map(name => name.split('\n')), more_destinations: destinations.length - columns.size, hits };
}
function matrix() {
  $('matrix').hidden = D.matrix === null;
  if (D.matrix === null) return;
  const { hosts, destinations, hits, more_hosts, more_destinations } = chosen === null || !has('dvc') ? D.matrix : matrixOfRows();
  const alone = dest => destinations.filter(other => other[0] === dest).length === 1;
  const columns = destinations.map(([dest, ip]) => (alone(dest) ? dest : place(dest, ip)) || UNSTATED).concat(more_destinations ? [`${number(more_destinations)} more`] : []);
  const rows = hosts.map(host => host || UNSTATED).concat(more_hosts ? [`${number(more_hosts)} more`] : []);
  const most = Math.max(1, ...hits.slice(0, hosts.length).flatMap(row => row.slice(0, destinations.length)));
  const heat = n => n === 0 ? 0 : most === 1 ? 1 : 1 + Math.min(4, Math.floor(Math.log(n) / Math.log(most) * 4.999));
  const cell = (row, i, n, j) => el('td', n === 0 ? {} : { title: `${row} → ${columns[j]}: ${counted(n, NOUN)}`,
    className: i < hosts.length && j < destinations.length ? `h${heat(n)}` : 'rest' }, n ? number(n) : '');
  fill('matrix', { columns: [], rows: [], nothing: NOTHING });
  if (rows.length === 0) return;
  $('matrix').classList.remove('line');
  $('matrix').querySelector('.scroll').replaceChildren(el('table', { className: 'heat' },
    el('thead', {}, el('tr', {}, el('td', { className: 'corner' }), ...columns.map(name => el('th', { scope: 'col', title: name }, el('span', {}, name))))),
    el('tbody', {}, ...rows.map((row, i) => el('tr', {}, el('th', { scope: 'row', title: row }, row), ...columns.map((_, j) => cell(row, i, hits[i][j], j)))))));
  $('matrix').append(...byRule(D.of_groups || chosen !== null).map(note => el('p', { className: 'note more' }, note)));
}
