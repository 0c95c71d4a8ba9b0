/*
 * The script of a netsift page. It reads the block of data and puts it on the page.
 *
 * Evidence is untrusted: what comes from the data is put on the page as text (`el`, `textContent`), never as markup, and
 * never as a style or an address. There is no innerHTML here, and nothing is requested.
 *
 * Its parts, one behind the other: data.js, filter.js, timeline.js, cards.js, table.js, csv.js, made.js, page.js.
 *
 * The data, and texts.
 */
'use strict';

// A text is its number in D.strings; a column whose values are all the same is that one value.
const D = JSON.parse(document.getElementById('data').textContent);
const G = D.groups, E = D.events, N = D.numbers;
const at = (column, i) => Array.isArray(column) ? column[i] : column;
const string = (column, i) => D.strings[at(column, i)];
const FIELDS = D.fields;
const field = (name, row) => string(G.fields[name], row);
const has = name => Object.hasOwn(G.fields, name);
// Times of the events: the seconds are each after the last that is stated.
const seconds = new Array(E.shown);
for (let i = 0, last = 0; i < E.shown; i++) {
  const delta = at(E.seconds, i);
  seconds[i] = delta === null ? null : last += delta;
}
// The events of a row are order[start[row]] up to order[start[row + 1]].
const eventOf = member => E.member_event === null ? member : at(E.member_event, member);
const start = new Uint32Array(G.shown + 1), order = new Uint32Array(E.members);
for (let i = 0; i < E.members; i++) if (at(E.member_row, i) !== null) start[at(E.member_row, i) + 1]++;
for (let row = 0; row < G.shown; row++) start[row + 1] += start[row];
for (let i = 0, next = start.slice(); i < E.members; i++) {
  const row = at(E.member_row, i);
  if (row !== null) order[next[row]++] = eventOf(i);
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
const NOUN = D.noun, NOUNS = `${NOUN}s`, Nouns = NOUNS[0].toUpperCase() + NOUNS.slice(1);
const UNSTATED = '(not stated)';
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
// A value stays on a line; one that is too long for that can break behind what parts it, or else after 40 characters.
const SHORT = 40;
function breakable(text) {
  if (text.length <= SHORT) return [text];
  // A path parts at its folders, anything else at what is no letter or digit.
  const parts = text.match(text.includes('\\') ? /[^\\\s]{0,39}[\\\s]|[^\\\s]{1,40}/g : /[^\/.,;:@&?=\s-]{0,39}[\/.,;:@&?=\s-]|[^\/.,;:@&?=\s-]{1,40}/g) || [text];
  return parts.flatMap(part => [part, el('wbr')]).slice(0, -1);
}
const one = (text, more) => el('span', {}, ...breakable(text), more ? el('small', {}, ...breakable(more)) : null);
// What runs: its name, and below it its path.
const program = path => one(base(path) || path || UNSTATED, base(path) && base(path) !== path ? path : null);
// Whether the first line of a cell is short.
const isShort = cell => (typeof cell === 'string' ? cell : [...cell.childNodes].filter(node => node.nodeName !== 'SMALL').map(node => node.textContent).join('')).length <= SHORT;
const kindOf = (kind, cell) => `${kind || ''}${isShort(cell) ? ' short' : ''}`;
function table(columns, rows) {
  const head = columns.map(([name, kind]) => el('th', { scope: 'col', className: kind || '' }, name));
  return el('table', {}, el('thead', {}, el('tr', {}, ...head)),
    el('tbody', {}, ...rows.map(cells => el('tr', {}, ...cells.map((cell, i) => el('td', { className: kindOf(columns[i][1], cell), 'data-label': columns[i][0] },
      typeof cell === 'string' ? one(cell) : cell))))));
}
const processes = D.rule.processes || [];
const whose = D.rule.rules.length > 1 ? ' that the rules look for' : processes.length ? ` of ${processes.join(', ')}` : '';
const F = D.options.filters, within = F === null ? '' : ' within the filters';
function filters() {
  const times = ['since', 'until'].filter(name => F[name] !== null).map(name => `${name} ${F[name]}`);
  const patterns = ['host', 'user', 'port', 'transport', 'direction', 'app', 'dest', 'remote', 'remote_port'].filter(name => F[name] && F[name].length)
    .map(name => `${name} ${F[name].join(' or ')}`);
  return [...times, ...patterns].join('; ');
}
