
// The rows that are chosen as CSV, in the order of the table: RFC 4180, as the report has it.

// A cell that a spreadsheet would run as a formula gets a ' in front (OWASP, "CSV Injection").
const guarded = value => /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
const quoted = value => /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
function csv() {
  const behind = [...OF_RULE, ...BESIDE_RULE, ...OF_PROCESS, ...OF_LABELS, ...OF_RARITY], names = FIELDS.filter(name => !behind.includes(name));
  const shape = [...names, 'count', 'firstTime', 'lastTime', ...FIELDS.filter(name => behind.includes(name))];
  const value = (name, row) => name === 'count' ? String(at(G.count, row)) : name === 'firstTime' ? exact(at(G.first[0], row), at(G.first[1], row))
    : name === 'lastTime' ? exact(at(G.last[0], row), at(G.last[1], row)) : field(name, row);
  return [shape, ...rows.map(row => shape.map(name => value(name, row)))].map(cells => `${cells.map(cell => quoted(guarded(cell))).join(',')}\n`).join('');
}
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // A page from disk may have no clipboard: then what is selected is copied.
    const area = el('textarea', { value: text, readOnly: true, className: 'aside' });
    document.body.append(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    return done;
  }
}
function exports() {
  const told = text => { $('export-status').textContent = text; };
  $('copy').onclick = async () => {
    const count = counted(rows.length, 'row');
    told(await copied(csv()) ? `${count} copied as CSV` : 'The browser does not let this page copy: save it instead.');
    $('copy').focus({ preventScroll: true });
  };
  $('save').onclick = () => {
    const name = (D.case || 'netsift').replace(/[^\p{L}\p{N}._-]+/gu, '-').replace(/^[-.]+|[-.]+$/g, '').slice(0, 80) || 'netsift';
    const link = el('a', { href: URL.createObjectURL(new Blob([csv()], { type: 'text/csv;charset=utf-8' })), download: `${name}-groups.csv` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    told(`${counted(rows.length, 'row')} saved as ${link.download}`);
  };
}
