// What is shown. Every text from outside goes in as text, never as markup.

const TIMELINE_SHOWN = 30;
const PAYLOAD_CHARACTERS = 10_000;
const UNITS = [['d', 86_400], ['h', 3_600], ['min', 60]];

const by = (id) => document.getElementById(id);

function element(name, content = '', className = '') {
  const made = document.createElement(name);
  made.append(...(Array.isArray(content) ? content : [content]));
  if (className) made.className = className;
  return made;
}

// Says something once: what is said again unchanged is not read out again.
function say(id, text) {
  if (by(id).textContent !== text) by(id).textContent = text;
}

function local(at, options) {
  const moment = new Date(at);
  return Number.isNaN(moment.getTime()) ? at : moment.toLocaleString(undefined, options);
}

const TO_THE_SECOND = { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' };

function whole(at) {
  const year = new Date(at).getFullYear() === new Date().getFullYear() ? {} : { year: 'numeric' };
  return local(at, { ...year, month: 'short', day: 'numeric', ...TO_THE_SECOND, timeZoneName: 'short' });
}

function ago(at) {
  const seconds = Math.round((Date.now() - Date.parse(at)) / 1_000);
  if (Number.isNaN(seconds)) return '';
  const [unit, length] = UNITS.find(([, each]) => Math.abs(seconds) >= each) ?? ['s', 1];
  const count = Math.floor(Math.abs(seconds) / length);
  return seconds < 0 ? `in ${count} ${unit}` : `${count} ${unit} ago`;
}

function time(at) {
  const made = element('time', whole(at));
  made.dateTime = at;
  return made;
}

// A time, and how long ago that is now.
function moment(at) {
  const since = element('span', `(${ago(at)})`, 'ago');
  since.dataset.at = at;
  return element('span', [time(at), ' ', since]);
}

// The time of a line: the day only where it is not today's.
function clock(at) {
  const today = new Date().toDateString() === new Date(at).toDateString();
  const day = today ? {} : { month: 'short', day: 'numeric' };
  const made = element('time', local(at, { ...day, ...TO_THE_SECOND }));
  made.dateTime = at;
  made.title = whole(at);
  return made;
}

function tick() {
  for (const since of document.querySelectorAll('[data-at]')) since.textContent = `(${ago(since.dataset.at)})`;
}

// A link where it leads to the web, the bare text where it does not.
function link(text, url) {
  if (!/^https?:\/\//i.test(url)) return element('span', text === url ? text : `${text} ${url}`);
  const made = element('a', text || url);
  Object.assign(made, { href: url, rel: 'noopener noreferrer', target: '_blank' });
  return made;
}

function sibling(id) {
  const made = element('a', id);
  made.href = encodeURIComponent(id);
  return made;
}

function severity(word) {
  return element('span', word, `severity ${word.toLowerCase()}`);
}

function describe(list, facts) {
  const pairs = facts.filter(([, value]) => value !== null && value !== '');
  list.replaceChildren(...pairs.flatMap(([name, value]) => [element('dt', name), element('dd', value)]));
}

const STANDINGS = {
  OPEN: 'Nobody has acknowledged it yet.',
  INVESTIGATING: 'It is being looked into. When it is over, resolve it.',
  RESOLVED: 'It is over, and not closed yet. Reopen it if it is not over.',
  CLOSED: 'It is closed: it can be read, and nothing moves it any more.',
};

function showHead(incident) {
  document.title = `#${incident.number} ${incident.severity} ${incident.status} ${incident.title}`;
  say('number', `#${incident.number}`);
  say('severity', incident.severity);
  by('severity').className = `severity ${incident.severity.toLowerCase()}`;
  say('status', incident.status);
  say('title', incident.title);
  const legal = incident.legal_transitions;
  say('standing', incident.merged_into ? 'It was merged into another incident and moves with it.' : STANDINGS[incident.status] ?? '');
  by('acknowledge').hidden = !legal.includes('INVESTIGATING');
  by('resolve').hidden = !legal.includes('RESOLVED');
  by('reopen').hidden = !legal.includes('OPEN');
  if (by('reopen').hidden) by('reopening').hidden = true;
  by('closing').hidden = !legal.includes('CLOSED');
  say('command', `stormbell rca ${incident.number} --edit`);
}

function showFacts(incident) {
  const at = (value) => value && moment(value);
  const links = incident.links.flatMap(({ title, url }) => [link(title, url), element('br')]);
  describe(by('facts'), [
    ['Component', `${incident.component} (${incident.component_type})`],
    ['Environment', incident.environment],
    ['Signals', incident.signal_count.toLocaleString()],
    ['Opened', at(incident.opened_at)],
    ['Last signal', at(incident.last_signal_at)],
    ['Severity', incident.severity_pinned ? `${incident.severity}, set by hand: it does not move by itself` : null],
    ['Assignee', incident.assignee ?? 'nobody'],
    ['Acknowledged', at(incident.acknowledged_at)],
    ['Resolved', at(incident.resolved_at)],
    ['Closed', at(incident.closed_at)],
    ['Merged into', incident.merged_into && sibling(incident.merged_into)],
    ['Split from', incident.split_from && sibling(incident.split_from)],
    ['Merged in', incident.children.length ? incident.children.flatMap((id) => [sibling(id), element('br')]) : null],
    ['Links', links.length ? links : null],
    ['Id', element('code', incident.id)],
  ]);
  by('analysis').hidden = !incident.rca;
  if (incident.rca) {
    describe(by('analysis-facts'), [
      ['Cause', incident.rca.root_cause_category],
      ['Fix', incident.rca.fix_applied],
      ['Prevention', incident.rca.prevention_steps],
      ['Written', [`by ${incident.rca.submitted_by.name || incident.rca.submitted_by.kind}, `, moment(incident.rca.submitted_at)]],
    ]);
  }
}

function happened(line) {
  const said = line.text ? `: ${line.text}` : '';
  switch (line.action) {
    case 'moved': return [`${line.from} → ${line.to}${said}`];
    case 'severity_changed': return [`Severity ${line.from} → ${line.to}${said}`];
    case 'assigned': return [line.to ? `Assigned to ${line.to}` : 'Assigned to nobody'];
    case 'commented': return [`Comment${said}`];
    case 'linked': return ['Link: ', link(line.text || line.url, line.url)];
    case 'merged_into': return ['Merged into ', sibling(line.related_incident)];
    case 'split': return [`${line.signals} signals split, other incident `, sibling(line.related_incident)];
    default: {
      const word = line.action.replaceAll('_', ' ');
      return [word.charAt(0).toUpperCase() + word.slice(1) + said];
    }
  }
}

function timelineRow(line) {
  const who = `${line.actor.name || line.actor.kind}, ${line.reason.replaceAll('_', ' ')}`;
  return element('li', [clock(line.at), element('div', [element('p', happened(line)), element('p', who, 'quiet')])]);
}

function signalRow(signal) {
  const words = [severity(signal.severity), signal.status === 'resolved' ? ' resolved ' : ` ${signal.kind} `];
  const parts = [element('p', [...words, element('strong', signal.component)])];
  if (signal.summary || signal.error_code) parts.push(element('p', signal.summary || signal.error_code));
  const labels = Object.entries(signal.labels).map(([name, value]) => `${name}=${value}`).join(' ');
  if (labels) parts.push(element('p', labels, 'labels'));
  parts.push(...signal.links.map((url) => element('p', link(url, url))));
  if (signal.payload !== null) {
    const text = typeof signal.payload === 'string' ? signal.payload : JSON.stringify(signal.payload, null, 2);
    const shown = text.length > PAYLOAD_CHARACTERS ? `${text.slice(0, PAYLOAD_CHARACTERS)}…` : text;
    parts.push(element('details', [element('summary', 'What was sent'), element('pre', shown)]));
  }
  return element('li', [clock(signal.received_at), element('div', parts)]);
}

// Puts rows into a list; those that are there already stay as they are, opened or not.
function fill(list, items, row) {
  const there = new Map([...list.children].map((shown) => [shown.dataset.key, shown]));
  const wanted = items.map((item) => `${item.seq}/${item.index ?? item.id}`);
  if (wanted.length === there.size && wanted.every((name, place) => list.children[place].dataset.key === name)) return;
  list.replaceChildren(...items.map((item, place) => {
    const shown = there.get(wanted[place]) ?? row(item);
    shown.dataset.key = wanted[place];
    return shown;
  }));
}

function showTimeline({ items, total }, isWhole) {
  const latest = [...items].reverse();
  fill(by('timeline'), isWhole ? latest : latest.slice(0, TIMELINE_SHOWN), timelineRow);
  const beyond = total > items.length ? `; ${(total - items.length).toLocaleString()} more with the command line` : '';
  say('timeline-count', `latest first${beyond}`);
  by('timeline-more').hidden = isWhole || items.length <= TIMELINE_SHOWN;
  say('timeline-more', `Show all ${items.length.toLocaleString()}`);
}

function showSignals({ items, total }) {
  fill(by('signals'), items, signalRow);
  say('signals-count', `${items.length.toLocaleString()} of ${total.toLocaleString()}`);
}
