// What happens when: signing in, reading again and again, and the moves a person makes.

const EVERY_MS = 30_000;
let isWhole = false; // Whether all of the timeline is shown.
let read = null; // The timeline as it was read last.
let isBusy = false;
let turn = 0; // What an older turn has read is not shown over what a newer one has.

function askForKey(why) {
  keep(null);
  document.title = 'Incident · Stormbell';
  by('incident').hidden = true;
  by('forget').hidden = true;
  say('freshness', '');
  say('notice', '');
  say('error', why);
  by('sign-in').hidden = false;
  by('key').value = '';
  by('key').focus();
}

// What went wrong, plainly; a key that is not known is asked for again.
function failed(error) {
  if (error.status === 401) return askForKey(error.message);
  const hint = error.status === 404 ? '\nIf it belongs to another project, forget the key and give one of that project.' : '';
  say('error', error.message + hint);
}

// Reads everything and shows what could be read; answers whether the incident itself could.
async function refresh() {
  const mine = (turn += 1);
  const isOld = () => key === null || mine !== turn;
  try {
    const incident = await call('');
    if (isOld()) return false;
    showHead(incident);
    showFacts(incident);
  } catch (error) {
    if (!isOld()) failed(error);
    return false;
  }
  // Asked for after the key was found good: a wrong one is refused once, not three times.
  const [lines, signals] = await Promise.allSettled([timeline(), call('/signals?limit=20')]);
  if (isOld()) return false;
  if (lines.status === 'fulfilled') showTimeline(read = lines.value, isWhole);
  if (signals.status === 'fulfilled') showSignals(signals.value);
  const wrong = [lines, signals].find((part) => part.status === 'rejected');
  say('error', wrong ? `Not everything could be read. ${wrong.reason.message}` : '');
  by('sign-in').hidden = true;
  by('forget').hidden = false;
  by('incident').hidden = false;
  say('freshness', `as of ${local(Date.now(), TO_THE_SECOND)}`);
  return true;
}

async function open() {
  by('forget').hidden = false;
  say('notice', 'Reading …');
  const isShown = await refresh();
  say('notice', '');
  if (isShown) by('title').focus();
}

async function move(to, reason, done) {
  if (isBusy) return;
  hold(true);
  say('error', '');
  say('notice', '');
  try {
    await call('/state', reason === undefined ? { to } : { to, reason });
    by('reopening').hidden = true;
    by('reopen').setAttribute('aria-expanded', 'false');
    by('reason').value = '';
    if (await refresh()) say('notice', done);
    by('title').focus();
  } catch (error) {
    failed(error);
    // Somebody may have been faster: show where it stands, and leave standing what was said.
    if (error.status === 409 && (await refresh())) failed(error);
  } finally {
    hold(false);
  }
}

function hold(is) {
  isBusy = is;
  for (const button of document.querySelectorAll('#incident button')) button.disabled = is;
}

function unfold(is) {
  by('reopening').hidden = !is;
  by('reopen').disabled = is;
  by('reopen').setAttribute('aria-expanded', String(is));
  by(is ? 'reason' : 'reopen').focus();
}

by('sign-in').addEventListener('submit', (event) => {
  event.preventDefault();
  const given = by('key').value.trim();
  if (!/^[\x21-\x7e]+$/.test(given)) return askForKey('That is no key: a key is one word without spaces.');
  keep(given);
  say('error', '');
  open();
});
by('forget').addEventListener('click', () => askForKey(''));
by('acknowledge').addEventListener('click', () => move('INVESTIGATING', undefined, 'Acknowledged.'));
by('resolve').addEventListener('click', () => move('RESOLVED', undefined, 'Resolved.'));
by('reopen').addEventListener('click', () => unfold(by('reopening').hidden));
by('leave').addEventListener('click', () => unfold(false));
by('reopening').addEventListener('submit', (event) => {
  event.preventDefault();
  move('OPEN', by('reason').value.trim(), 'Reopened.');
});
by('timeline-more').addEventListener('click', () => {
  isWhole = true;
  showTimeline(read, isWhole);
  by('timeline-heading').focus();
});

function again() {
  tick();
  if (key !== null && !isBusy && document.visibilityState === 'visible') refresh();
}
setInterval(again, EVERY_MS);
document.addEventListener('visibilitychange', again);

if (key === null) askForKey('');
else open();
