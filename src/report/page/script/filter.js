
// What is chosen: rows of the table by words, and by the range of the timeline.

// Other names of fields, for those that a page does not have by that name.
const ALIASES = { host: ['dvc'], computer: ['dvc'], process: ['app', 'process_name'], dir: ['direction'], remote: ['dest'], destination: ['remote', 'dest'],
  port: ['dest_port'], remote_ip: ['dest_ip'], address: ['remote_ip', 'dest_ip'], dest: ['remote'], dest_ip: ['remote_ip'], dest_port: ['port'],
  app: ['process_name'], process_name: ['process_exec', 'app'], process_exec: ['process_name', 'app'], log: ['source'], record: ['record_id'], utctime: ['utc_time'],
  level: ['rule_level'], rule: ['rule_title'] };
// Columns of events besides those of fields, by the names that they have in CSV.
const OF_EVENTS = { source: E.source, record_id: E.record_id, utc_time: E.utc_time, sysmon_rule: E.rule_name };
// What is chosen otherwise than by a field.
const OTHERWISE = { firsttime: 'a range of time is chosen on the timeline', lasttime: 'a range of time is chosen on the timeline', time: 'a range of time is chosen on the timeline',
  chunk: 'a record is found by record_id', offset: 'a record is found by record_id' };
// Where values of a field are: columns of rows, and of events.
function columnsOf(name) {
  const own = name => ({ rows: has(name) ? [G.fields[name]] : name === 'remote_ip' && !has('dest_ip') ? [G.address] : [],
    events: [E.more, OF_EVENTS].filter(columns => Object.hasOwn(columns, name)).map(columns => columns[name]) });
  const found = own(name), isThere = found.rows.length + found.events.length > 0 && !(name === 'remote_ip' && !has('remote'));
  const others = (Object.hasOwn(ALIASES, name) ? ALIASES[name] : []).map(own).filter(other => other.rows.length + other.events.length);
  // The process behind a connection is its command line too.
  if (name === 'process') return [found, ...others].reduce((all, other) => ({ rows: [...all.rows, ...other.rows], events: [...all.events, ...other.events] }));
  // What is only in events is known of those alone that are in the page.
  if (isThere && found.rows.length === 0 && E.left_out) return { rows: others.flatMap(other => other.rows), events: found.events };
  return isThere ? found : others[0];
}
const NAMES = () => [...new Set([...Object.keys(G.fields), ...Object.keys(E.more), ...Object.keys(OF_EVENTS), 'host', 'process', 'count'])];
function distance(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) row = row.reduce((next, _, j) => [...next, j === 0 ? i : Math.min(next[j - 1] + 1, row[j] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1))], []);
  return row[b.length];
}
const nearest = name => NAMES().map(other => [distance(name, other), other]).filter(([far]) => far <= 3).sort((a, b) => a[0] - b[0]).map(([, other]) => other)[0];

let lower = null;
// Which rows have a text that passes in one of these columns; with processes, also in what ran it.
function rowsWith(test, { rows, events }, withProcesses) {
  lower = lower || D.strings.map(text => text.toLowerCase());
  const known = new Int8Array(lower.length), found = new Uint8Array(G.shown);
  const passes = id => known[id] ? known[id] > 0 : (known[id] = test(lower[id]) ? 1 : -1) > 0;
  for (const column of rows) {
    if (!Array.isArray(column)) { if (G.shown && passes(column)) return found.fill(1); continue; }
    for (let row = 0; row < G.shown; row++) if (!found[row] && passes(column[row])) found[row] = 1;
  }
  for (const column of events) {
    const same = Array.isArray(column) ? null : passes(column);
    if (same === false) continue;
    for (let i = 0; i < E.members; i++) {
      const row = at(E.member_row, i);
      if (row !== null && !found[row] && (same || passes(column[eventOf(i)]))) found[row] = 1;
    }
  }
  if (withProcesses) {
    const members = G.family.members, ran = new Int8Array(members.length);
    const of = place => ran[place] ? ran[place] > 0 : (ran[place] = passes(members[place].command) || (members[place].above !== null && of(members[place].above)) ? 1 : -1) > 0;
    for (let row = 0; row < G.shown; row++) {
      const place = at(G.process, row);
      if (!found[row] && place !== null && place !== undefined && of(place)) found[row] = 1;
    }
  }
  return found;
}
const EVERYWHERE = { rows: [...Object.values(G.fields), G.address], events: [...Object.values(E.more), ...Object.values(OF_EVENTS)] };
// `word`, `field:text`, `field=value`, each with `-` for not, values in quotes if they have spaces.
function wordsOf(text) {
  const words = [];
  for (const [whole, not, name, is, quoted, plain, quotedText, plainText] of text.toLowerCase().matchAll(/(-?)(?:([a-z_]+)([:=])(?:"([^"]*)"|(\S*))|"([^"]*)"|(\S+))/g)) {
    const value = quoted ?? plain ?? quotedText ?? plainText, given = name ? `${name}${is}${value}` : value;
    const columns = name && columnsOf(name), isField = columns !== undefined || name === 'count', last = words.at(-1);
    // A drive, a URL and an address have colons too, which say nothing of a field.
    const isText = !isField && (!name || name.length === 1 || /^[:\/\\]/.test(value) || /^[\da-f:.]+$/.test(given));
    // Behind a colon there can be a space.
    if (last && last.isField && last.is === ':' && last.value === '' && !isField) last.value = quotedText ?? whole;
    else words.push({ not: not === '-', name, is, value, given, columns, isField, isText });
  }
  return words;
}
// Names of processes, which pages without such a field have at the end of a path.
const OF_BASE = ['process_name', 'process_exec'];
// Which rows have all words, null for all rows, and what there is to say of the words. A row has what its events have.
function filtered(text) {
  const told = [], words = wordsOf(text);
  if (words.length === 0) return [null, told];
  const all = new Uint8Array(G.shown).fill(1);
  for (const { not, name, is, value, given, columns, isField, isText } of words) {
    if (isField && is === ':' && value === '') {
      told.push(`“${name}:” has no text behind it. ${name}= finds what has no ${name}.`);
      continue;
    }
    const passes = text => is === '=' ? text === value : text.includes(value);
    let found;
    if (name === 'count') found = Uint8Array.from({ length: G.shown }, (_, row) => passes(String(at(G.count, row))));
    else if (columns) {
      if (columns.rows.length === 0 && E.left_out) told.push(`“${name}” is looked for in the ${number(E.shown)} ${NOUNS} that are in this page.`);
      found = rowsWith(OF_BASE.includes(name) ? text => passes(base(text)) : passes, columns, false);
    } else {
      if (!isText) {
        const other = nearest(name), hint = Object.hasOwn(OTHERWISE, name) ? `: ${OTHERWISE[name]}.` : other ? `: do you mean ${other}?` : '.';
        told.push(`There is no field “${name}”${hint} “${given}” is searched for as text.`);
      }
      found = rowsWith(text => text.includes(given), EVERYWHERE, true);
    }
    for (let row = 0; row < G.shown; row++) if ((found[row] === 1) === not) all[row] = 0;
  }
  return [all, told];
}

// Which rows have the words, null for all; the range of time that is chosen, null for all; and the rows that are chosen by both,
// null for all.
let wanted = null, filterRange = null, chosen = null;
function choose() {
  const [words, told] = filtered($('filter').value);
  wanted = words;
  $('filter-note').textContent = told.join(' ');
  chosen = wanted === null && filterRange === null ? null : new Uint8Array(G.shown);
  if (chosen === null) return;
  for (let row = 0; row < G.shown; row++) {
    const inside = filterRange === null || (at(G.first[0], row) !== null && at(G.first[0], row) < filterRange[1] && at(G.last[0], row) >= filterRange[0]);
    if (inside && (wanted === null || wanted[row])) chosen[row] = 1;
  }
}
const isChosen = row => chosen === null || chosen[row] === 1;
function chosenRows() {
  const rows = [];
  for (let row = 0; row < G.shown; row++) if (isChosen(row)) rows.push(row);
  return rows;
}
// A button that filters everything by the fields that the page has.
function filterBy(text, values) {
  const known = Object.entries(values).filter(([name, value]) => (name === 'rule_title' ? has(name) : columnsOf(name)) && value !== '' && !value.includes('"'));
  const shown = breakable(text);
  if (known.length === 0) return el('span', {}, ...shown);
  const button = el('button', { type: 'button', className: 'link', title: 'Show only this' }, ...shown);
  button.onclick = () => {
    $('filter').value = known.map(([name, value]) => `${name}=${/[\s]/.test(value) ? `"${value}"` : value}`).join(' ');
    refresh();
    $('groups').scrollIntoView();
    $('filter').focus({ preventScroll: true });
  };
  return button;
}
