
// The head.
function head() {
  const title = D.title, attack = D.attack && `MITRE ATT&CK ${D.attack.split(' ')[0]}`;
  $('tool').textContent = `${D.tool.name} ${D.tool.version} · ${D.options.source === 'sysmon' ? 'Sysmon network' : 'Network'} connections in Windows event logs`;
  const what = title || (whose ? `Network connections${whose}` : 'Network connections'), chip = attack ? [' ', el('span', { className: 'chip' }, attack)] : [];
  $('title').replaceChildren(...(D.case ? [D.case] : [what, ...chip]));
  $('subtitle').hidden = !D.case;
  $('subtitle').replaceChildren(what, ...chip);
  $('lead').textContent = `${counted(N.hits - N.duplicates - N.twins - N.unwatched, NOUN)}${whose} in ${counted(N.records_read + N.records_ruled_out, 'record')} of ${counted(N.logs, 'log')}`
    + (N.excluded ? `; ${number(N.excluded)} to excluded networks are left out` : '')
    + (F === null ? '' : `. Filters: ${filters()}`);
  document.title = `${D.case || title || 'Network connections'} · netsift report`;
  if (G.total === 0) {
    for (const section of document.querySelectorAll('.found')) section.hidden = true;
    document.querySelector('.skip').href = '#made';
    $('nothing').hidden = false;
    $('nothing-why').textContent = N.unwatched ? `${counted(N.unwatched, NOUN)} left out: no watchlist has the remote end.` : (N.chosen === 0 ? `No network connection${whose}${within}` : `None of ${counted(N.chosen, 'network connection')}${whose}${within} is a ${NOUN === 'hit' ? 'hit' : 'connection that was asked for'}: `
      + `${number(N.excluded)} went to excluded networks, ${number(N.outside_detection)} to none of the detection networks. This is what was searched:`)
      + (N.chosen === 0 ? ` in ${counted(N.records_read + N.records_ruled_out, 'record')} of ${counted(N.logs, 'log')}.` : ` ${counted(N.records_read + N.records_ruled_out, 'record')} of ${counted(N.logs, 'log')}.`)
      + (N.sysmon_chunks === 0 ? ` None of the chunks names ${D.options.source === 'sysmon' ? 'Sysmon' : D.options.source === 'security' ? 'Security-Auditing' : 'Sysmon or Security-Auditing'}: these may not be the right logs.` : '')
      + (N.defects ? ` ${counted(N.defects, 'defect')} kept evidence from being read, see below.` : ' All of the evidence could be read.');
  }
}

head();
if (G.total > 0) {
  timeline();
  exports();
  groups();
} else tiles();
made();
document.documentElement.dataset.ready = 'true';
