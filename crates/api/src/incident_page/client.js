// The key, and the calls that are made with it. The key is kept for this tab alone and never stands in an address.

const KEPT = 'stormbell.key';
const PATIENCE_MS = 20_000;
const TIMELINE_PAGES = 5;
// Relative, so that it works behind a proxy that puts a path before ours.
const home = new URL(`../v1/incidents/${location.pathname.split('/').pop()}`, location.href).href;

let key = kept();

class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

function kept() {
  try {
    return sessionStorage.getItem(KEPT);
  } catch {
    return null; // A browser that keeps nothing asks each time.
  }
}

function keep(value) {
  key = value;
  try {
    if (value === null) sessionStorage.removeItem(KEPT);
    else sessionStorage.setItem(KEPT, value);
  } catch {
    // It is in `key`, until the page is left.
  }
}

async function call(below, change) {
  const headers = { authorization: `Bearer ${key}` };
  const request = { headers, cache: 'no-store', redirect: 'error', signal: AbortSignal.timeout(PATIENCE_MS) };
  if (change) {
    headers['content-type'] = 'application/json';
    Object.assign(request, { method: 'PATCH', body: JSON.stringify(change) });
  }
  let answer;
  try {
    answer = await fetch(home + below, request);
  } catch {
    throw new Refused(0, 'The server does not answer. Is this device online?');
  }
  const body = await answer.json().catch(() => null);
  if (!answer.ok) throw new Refused(answer.status, explained(answer.status, body));
  if (body === null) throw new Refused(answer.status, 'The server answered something else than JSON.');
  return body;
}

// A problem document in plain words.
function explained(status, problem) {
  if (!problem?.title) return `The server answered with status ${status}.`;
  const fields = (problem.fields ?? []).map((field) => `${field.field}: ${field.message}`);
  const title = problem.title.replace(/\.$/, '');
  const detail = (problem.detail ?? '').replaceAll('`', '');
  const isMore = detail !== '' && detail.toLowerCase() !== title.toLowerCase();
  return [`${title}${isMore ? `: ${detail}` : ''}.`, ...fields, `(${problem.code})`].join('\n');
}

// Every line of the timeline within reason: the latest come last.
async function timeline() {
  const all = { items: [], total: 0 };
  let cursor = '';
  for (let page = 0; page < TIMELINE_PAGES; page += 1) {
    const { items, next_cursor: next, total } = await call(`/timeline?limit=1000${cursor}`);
    all.items.push(...items);
    all.total = total;
    if (!next) break;
    cursor = `&cursor=${encodeURIComponent(next)}`;
  }
  return all;
}
