
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
  const own = FIELDS.filter(name => ![...OF_RULE, ...BESIDE_RULE, ...OF_RARITY, ...OF_PROCESS, ...OF_LABELS].includes(name));
  const ofReport = D.options.group_by;
  say('Grouped by', own.map(name => LABELS[name] || name).join(', '), ofReport.length === own.length ? null : el('div', {}, `The report: ${ofReport.join(', ')}`));
  say('Options', [...(D.options.source === 'sysmon' ? [] : [`source: ${D.options.source}`]), D.options.recover ? 'records that are no longer part of their log are included' : 'only records that are part of their log', D.options.dedup ? 'copies of an event count once' : 'copies of an event count each',
    ...(D.options.only_watched ? [`only groups with a connection on a watchlist: ${counted(N.unwatched, NOUN)} left out`] : []), ...(D.options.clock === 'utc' ? ['times are those of UtcTime'] : []), ...(R.judged === 'remote' ? ['networks are judged by the peer'] : [])].join('; '));
  if (F !== null) say('Filters', filters(), el('div', {}, `${counted(N.filtered, 'connection')} read and left out`));
  const [decoded, ruledOut, unused, unreadable] = N.chunks;
  say('Searched', `${counted(N.logs, 'log')}, ${bytes(N.bytes)}${N.dirty ? `, ${number(N.dirty)} copied while in use` : ''}`,
    el('div', {}, `chunks: ${number(decoded)} decoded, ${number(ruledOut)} ruled out unread, ${number(unused)} never used, ${number(unreadable)} unreadable`),
    el('div', {}, `records: ${number(N.records_read)} read, ${number(N.records_ruled_out)} ruled out unread${N.records_recovered ? `, ${number(N.records_recovered)} recovered` : ''}`));
  say('Found', `${counted(N.chosen, 'connection')}${whose}: ${NOUN === 'hit' ? counted(N.hits, 'hit') : `${number(N.hits)} of the networks that were asked for`}, ${number(N.excluded)} excluded, ${number(N.outside_detection)} outside the detection networks`
    + (N.duplicates ? `; ${number(N.duplicates)} of the ${NOUNS} dropped as copies` : '')
    + (N.twins ? `; ${number(N.twins)} of the ${NOUNS} dropped that Sysmon has logged too` : ''),
    N.excluded_peers ? el('div', {}, `${counted(N.excluded_peers, 'inbound connection')} of those excluded have a source in no such network, which may be the peer`) : null,
    N.unjoined ? el('div', {}, `${counted(N.unjoined, 'connection')} not judged by rules that ask for the process: its start is not in these logs, or does not tell what they ask for`) : null,
    N.userless ? el('div', {}, `${counted(N.userless, 'connection')} not judged by user: the start of the process is not in these logs`) : null);
  if (N.clocks) say('Clocks', N.clocks.replace(/\bhit(?=s?\b)/, NOUN));
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
    table([['log'], ['size', 'number'], ['records', 'number'], [NOUNS, 'number'], ['defects', 'number']], D.sources.map(source)),
    D.more_sources ? el('p', { className: 'note' }, `and ${number(D.more_sources)} more`) : null, hashed ? null : el('p', { className: 'note' }, 'With --manifest the logs are hashed.'))));
  const format = { csv: 'CSV', jsonl: 'JSON lines', table: 'a table', parquet: 'Parquet' }[D.options.format];
  say('Report', `${counted(D.report.rows, 'row')} of ${format}`, el('div', { className: 'dim mono' }, `SHA-256 ${D.report.sha256}`));
  say('This page', D.of_groups ? `${counted(G.shown, 'group')}. Single events are not known: --partial-events puts them into partial results` : `${counted(G.shown, 'group')} and ${counted(E.shown, 'event')}`
    + (E.left_out ? `; ${number(E.left_out)} more events are counted above but not listed: --events writes them all` : ': everything that was found'));
  $('made-body').append(list);
}
