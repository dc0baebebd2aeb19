import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const load = (name) => import(join(process.env.CONSOLE_FILES, 'console/model', `${name}.js`));
const [finding, severity, text, { readAddress, writeAddress, isScanID }, session, exporting, { ScanList }, { connectionLine, CLOSE_CODES, explain }] = await Promise.all(
    ['finding', 'severity', 'text', 'address', 'session', 'export', 'scan-list', 'codes'].map(load));
const [{ Pace }, { ScanWatch }] = await Promise.all(['api', 'scan-watch'].map((name) => import(join(process.env.CONSOLE_FILES, 'console/net', `${name}.js`))));

test('a finding is read from whatever names a scanner gives', () => {
    const read = (message) => finding.readRow({ seq: 1, type: 'x', ...message }, 5);
    const nuclei = read({ type: 'vulnerabilityFound', template: 't-1', name: 'Log4Shell', severity: 'CRITICAL', matchedAt: 'https://h:8443/x', host: 'h', port: '8443', cve: 'CVE-1, CVE-2', cvss: '10.0', tags: ['a', 7, 'b'] });
    assert.deepEqual([nuclei.rank, nuclei.title, nuclei.target, nuclei.host, nuclei.port, nuclei.cves, nuclei.cvss, nuclei.tags], [0, 'Log4Shell', 'https://h:8443/x', 'h', 8443, ['CVE-1', 'CVE-2'], 10, ['a', 'b']]);
    const port = read({ type: 'portFound', ip: 'fe80::1', port: 22, protocol: 'tcp', service: 'ssh' });
    assert.deepEqual([port.title, port.target, port.rank], ['Open port: ssh', '[fe80::1]:22/tcp', severity.UNRATED]);
    const url = read({ url: 'http://u@10.0.0.1:80/a', title: 'T', cvss: { score: 7.5 } });
    assert.deepEqual([url.host, url.rank, url.target], ['10.0.0.1', 1, 'http://u@10.0.0.1:80/a']);
    const odd = read({ depth: 3, ratio: 37.699999999999996, nested: { a: 1 } });
    assert.equal(odd.title, 'depth: 3  ·  ratio: 37.7  ·  nested: {"a":1}');
    assert.equal(read({}).title, 'x');
    for (const message of [{ severity: 5, port: 70_000, tags: {}, cve: [null], name: '', host: 7 }, { cvss: 99 }, { cvss: Number.NaN }, { target: ' ' }]) assert.ok(read(message).title);
    assert.deepEqual([read({ type: 'line', severity: 'high' }).isFinding, read({ type: 'scanProgress', severity: 'low' }).isFinding, read({ type: 'error' }).isFinding], [false, true, false]);
});

test('what would hide or move other text is written out, in bounds', () => {
    const row = finding.readRow({ seq: 1, type: 'a\u202eb', name: `<img src=x onerror=alert(1)>\u0000\n${'x'.repeat(5_000)}`, host: '\u200b<b>' }, null);
    assert.equal(row.type, 'a\\u202eb');
    assert.ok(row.title.startsWith('<img src=x onerror=alert(1)>\\u0000 xxx') && row.title.length < 330);
    assert.equal(row.host, '\\u200b<b>');
    assert.equal(text.shown({ a: '\u2066' }), '{"a":"\\u2066"}');
    assert.equal(text.shownLines('a\r\nb\u001b[31m'), 'a\nb\\u001b[31m');
});

test('severities have many names and five levels', () => {
    const ranks = { Critical: 0, ' high ': 1, moderate: 2, WARNING: 2, informational: 4, '7.2': 1, '': 5, odd: 5 };
    for (const [name, rank] of Object.entries(ranks)) assert.equal(severity.rankOf(name), rank, name);
    assert.deepEqual([severity.rankOf(undefined, 9.8), severity.rankOf(null, 0), severity.rankOf(3.9), severity.rankOf({}, null)], [0, 4, 3, 5]);
    assert.deepEqual(severity.countsByRank({ critical: 2, crit: 1, warning: 4, '(other)': 9, x: 'y' }), [3, 0, 4, 0, 0]);
});

test('numbers and times are said as people say them', () => {
    assert.deepEqual([999, 1_000, 1_250, 9_960, 34_400, 1_000_000, 2.34].map(text.compact), ['999', '1k', '1.3k', '10k', '34k', '1M', '2.3']);
    assert.deepEqual([5, 65, 660, 3_700, 90_000, Number.NaN].map(text.duration), ['5 s', '1 min 5 s', '11 min', '1 h 1 min', '1 d 1 h', '']);
    assert.deepEqual([text.ago(1_000, 1_500), text.ago(0, 59_000), text.ago(0, 3_600_000), text.ago(null, 0)], ['now', '59 s ago', '1 h ago', '–']);
    assert.deepEqual([text.stopwatch(65.9), text.stopwatch(3_725), text.bytes(1_536), text.many(1, 'host'), text.many(1_200, 'host')], ['1:05', '1:02:05', '1.5 KiB', '1 host', '1,200 hosts']);
});

test('an address says where one is, and what cannot be is the list of scans', () => {
    const place = readAddress('#/scans/a-1?tab=hosts&q=x%26y');
    assert.deepEqual([place.page, place.scanId, place.query.get('q')], ['scan', 'a-1', 'x&y']);
    assert.equal(writeAddress(place), '#/scans/a-1?tab=hosts&q=x%26y');
    for (const hash of ['', '#/', '#/scans/..', '#/scans/stats', '#/scans/a%2Fb', '#/scans/%E0%A4%A', '#/nowhere', '#scan=..']) assert.equal(readAddress(hash).page, 'overview', hash);
    assert.deepEqual([readAddress('#token=t&scan=s').token, readAddress('#token=t&scan=s').scanId], ['t', 's']);
    const link = readAddress('#ticket=signin_x&scan=s');
    assert.deepEqual([link.token, link.ticket, link.scanId, link.isPlain, writeAddress(link)], [null, 'signin_x', 's', false, '#/scans/s']);
    assert.deepEqual([readAddress('#/').ticket, readAddress('#token=t').ticket, readAddress('#/?ticket=x').ticket], [null, null, null]);
    assert.deepEqual(['a~._-', 'x'.repeat(129), '', '.'].map(isScanID), [true, false, false, false]);
});

test('a refused token says why, as far as it can tell', () => {
    const token = (claims) => ['{"alg":"HS256"}', JSON.stringify(claims), 'x'].map((part) => Buffer.from(part).toString('base64url')).join('.');
    const now = 1_700_000_000_000;
    const why = (claims) => session.whyRefused(typeof claims === 'string' || claims === null ? claims : token(claims), now);
    assert.match(why({ sub: 'a', exp: now / 1000 - 120 }), /^This token expired at .*, 2 min ago/);
    assert.match(why({ sub: 'a', exp: now / 1000 + 9, nbf: now / 1000 + 90 }), /not valid before/);
    assert.match(why({ exp: now / 1000 + 9 }), /no “sub”/);
    assert.match(why({ sub: 'a', exp: now / 1000 + 9, iss: 'https://idp' }), /issued by https:\/\/idp/);
    assert.match(why('nonsense'), /not a token/);
    assert.match(why(null), /who you are/);
    const facts = session.tokenFacts(token({ sub: 'ä\u202e', exp: 1, roles: ['admin', 3], scans: 'x' }));
    assert.deepEqual([facts.subject, facts.expiresAt, facts.roles, facts.scans], ['ä\\u202e', 1_000, ['admin'], []]);
});

test('a token, a ticket and what is neither are told apart by their form, in a link too', () => {
    const ticket = `signin_${'Ab-_'.repeat(11).slice(1)}`;
    const jwt = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.x-_x';
    for (const text of [ticket, ` ${ticket}\n`, `https://gateway.test/#ticket=${ticket}`, ` https://gateway.test:8443/a/#ticket=${ticket}&scan=s `]) {
        assert.deepEqual(session.readCredential(text), { ticket }, text);
    }
    for (const text of [jwt, `Bearer ${jwt}`, `https://gateway.test/#token=${jwt}&scan=s`]) assert.deepEqual(session.readCredential(text), { token: jwt }, text);
    for (const text of ['A'.repeat(43), `https://gateway.test/#ticket=${'B'.repeat(43)}`]) assert.match(session.readCredential(text).fault, /for one connection/, text);
    for (const text of ['two words', 'https://gateway.test/#/scans/a', 'ä']) assert.match(session.readCredential(text).fault, /something else copied/, text);
});

test('a ticket that is not taken says why', () => {
    const why = (status, code, message = 'Later.') => session.whyNotTraded({ status, code, message });
    assert.match(why(401, 'invalid_ticket'), /works once, and for 30 seconds/);
    assert.match(why(401, 'invalid_token'), /expired or was revoked/);
    assert.match(why(403, 'origin_refused'), /origins/);
    assert.match(why(404, 'not_found'), /knows no tickets/);
    for (const status of [0, 429, 503]) assert.match(why(status, 'x'), /Later\..*try again/);
    assert.match(why(400, 'invalid_body'), /did not take this ticket: Later\./);
});

test('a session outlives a reload, and works where storage is forbidden', () => {
    const kept = new Map();
    const storage = () => ({ getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value), removeItem: (key) => kept.delete(key) });
    new session.Session(storage).set('t');
    assert.equal(new session.Session(storage).token, 't');
    new session.Session(storage).set(null);
    assert.equal(new session.Session(storage).token, null);
    const forbidden = new session.Session(() => { throw new Error('no'); });
    forbidden.set('t');
    assert.equal(forbidden.token, 't');
});

test('exports are whole, and cells are no formulas', () => {
    const rows = [{ type: 'v', severity: 'high', name: '=cmd|"x"', target: 'https://h/ä b', cve: ['CVE-1'], template: 't' }, { type: 'v', severity: 'low', name: 'low one', template: 't', host: 'h' }, { type: 'line', text: 'a\n' }]
        .map((message, index) => finding.readRow({ seq: index + 1, ...message }, 1_700_000_000_000));
    const lines = [...exporting.ndjson(rows)].join('').trimEnd().split('\n').map(JSON.parse);
    assert.deepEqual(lines, rows.map((row) => row.message));
    const csv = [...exporting.csv(rows)].join('');
    assert.ok(csv.startsWith('seq,time,type,severity,title,') && csv.includes('\r\n1,2023-11-14T22:13:20.000Z,v,high,"\'=cmd|""x""",'));
    assert.deepEqual(['@x', '-1', 'a,b', -1].map(exporting.cell), ['\'@x', '\'-1', '"a,b"', '-1']);
    const sarif = JSON.parse([...exporting.sarif(rows, { scanId: 's' })].join(''));
    const [run] = sarif.runs;
    assert.deepEqual([sarif.version, run.results.length, run.tool.driver.rules.length], ['2.1.0', 2, 1]);
    assert.deepEqual(run.results.map(({ level, ruleIndex, ruleId }) => [level, ruleIndex, ruleId]), [['error', 0, 't'], ['note', 0, 't']]);
    assert.equal(run.results[0].locations[0].physicalLocation.artifactLocation.uri, 'https://h/%C3%A4%20b');
    assert.equal(run.tool.driver.rules[0].properties['security-severity'], '8.0');
    assert.deepEqual(JSON.parse([...exporting.sarif([], {})].join('')).runs[0].results, []);
    const odd = ['h:22', 'https://h/a%20b c', 'x\ud800'].map((target, index) => finding.readRow({ seq: index + 1, type: 'v', target }, 0));
    assert.deepEqual(JSON.parse([...exporting.sarif(odd, {})].join('')).runs[0].results.map((result) => result.locations[0].physicalLocation.artifactLocation.uri), ['h%3A22', 'https://h/a%20b%20c', 'x%EF%BF%BD']);
    const many = Array.from({ length: 4_500 }, (_, index) => finding.readRow({ seq: index + 1, type: 'v' }, 0));
    assert.equal(JSON.parse([...exporting.sarif(many, {})].join('')).runs[0].results.length, 4_500);
});

test('pages of scans become one list; what happened in between is told', () => {
    const scan = (id, more = {}) => ({ scan_id: id, name: null, message_count: 10, outcome: 'running', percent: 10, phase: 'p', severities: {}, ...more });
    const list = new ScanList();
    const outcomes = { running: 3, stalled: 0, completed: 1, failed: 0 };
    assert.deepEqual(list.take({ scans: [scan('a'), scan('b')], next: 'b', total_scans: 4, outcomes, severities: { critical: 2 } }, 0), []);
    list.take({ scans: [scan('c'), scan('d')], next: null, total_scans: 4, outcomes }, 0, false);
    assert.deepEqual([list.scans.map(({ scan_id: id }) => id), list.next, list.tabs.all, list.tabs.completed], [['a', 'b', 'c', 'd'], null, 4, 1]);
    const events = list.take({ scans: [scan('b', { outcome: 'failed', message_count: 30 }), scan('a', { percent: 30, severities: { critical: 3 } }), scan('c'), scan('d')], next: null, total_scans: 4, outcomes }, 2_000);
    assert.deepEqual(events.map(({ scan: { scan_id: id }, what, count }) => [id, what, count]), [['b', 'failed', undefined], ['a', 'critical', 3]]);
    assert.deepEqual([list.rates('b'), list.rates('nobody'), list.scans.length], [[10], [], 4]);
    assert.equal(list.remaining(scan('a', { percent: 30 }), 2_000), 7);
    assert.equal(list.remaining(scan('b', { outcome: 'completed' }), 2_000), null);
});

test('a connection is told in plain words, with a countdown', () => {
    const say = (state) => connectionLine(state, 10_000);
    assert.equal(say({ state: 'reconnecting', code: 1006, dueAt: 13_200 }).text, 'Connection lost · trying again in 4 s');
    assert.deepEqual([say({ state: 'reconnecting', code: 1001, dueAt: 9_000 }).canRetry, say({ state: 'reconnecting', code: 1001, dueAt: 11_000 }).canRetry], [false, true]);
    assert.equal(say({ state: 'closed', code: 4403, reason: 'forbidden' }).mood, 'bad');
    assert.equal(say({ state: 'closed', code: 1000, reason: 'scan completed' }).text, 'History · the live channel has ended');
    assert.match(say({ state: 'closed', code: 4999, reason: 'x\u202e' }).text, /4999.*x\\u202e/);
    assert.deepEqual(say({ state: 'closed', code: 1000, reason: 'scan deleted' }), { text: 'This scan was deleted', mood: 'bad', canRetry: false });
    assert.match(explain(1000, 'scan deleted').join(), /history with it/);
    assert.match(explain(1000, 'scan idle').join(), /can still be read/);
    assert.deepEqual(explain(4999, 'x'), ['Closed', '']);
});

test('every close code of the documentation is explained', () => {
    const page = readFileSync(new URL('../../docs/troubleshooting.md', import.meta.url), 'utf8');
    const codes = new Set([...page.matchAll(/^\| ([14]\d{3}) /gm)].map(([, code]) => code));
    assert.ok(codes.size > 12);
    assert.deepEqual(Object.keys(CLOSE_CODES).filter((code) => !codes.has(code)), []);
    for (const code of codes) assert.equal(CLOSE_CODES[code]?.length, 2, code);
});

test('of many scans those that ended or fell silent are asked for by themselves, and what was not seen before is told', async () => {
    globalThis.document = { hidden: false };
    const scan = (number, more = {}) => ({ scan_id: `s${number}`, outcome: 'running', message_count: 1, severities: {}, last_message_at: 1_000 + number, ...more });
    const answer = (scans) => ({ scans, next: null, total_scans: scans.length, outcomes: {} });
    const busy = Array.from({ length: 100 }, (_, index) => scan(index));
    const asked = [];
    const api = { stats: async ({ outcome = '', sort }) => (asked.push(`${outcome} ${sort}`), answer(outcome ? [] : busy)) };
    const watch = new ScanWatch(api, () => {}, () => true);
    watch.start();
    while (asked.length < 5) await new Promise((resolve) => { setTimeout(resolve, 1); });
    watch.stop();
    assert.deepEqual(asked, [' -started', ' -last_message', 'stalled -last_message', 'failed -last_message', 'completed -last_message']);
    delete globalThis.document;
});

test('a scan that came and ended between two looks is told of, an older one is not', () => {
    const list = new ScanList();
    const scan = (id, at, more = {}) => ({ scan_id: id, message_count: 1, outcome: 'running', severities: {}, last_message_at: at, ...more });
    const take = (now, ...scans) => list.take({ scans, next: null, total_scans: 9, outcomes: {} }, now).map(({ scan: { scan_id: id }, what }) => `${id} ${what}`);
    assert.deepEqual(take(0, scan('a', 100), scan('old', 50, { outcome: 'failed' })), []);
    assert.deepEqual(take(10, scan('a', 150)), []);
    // Two answers of one look.
    assert.deepEqual(take(20, scan('a', 200), scan('b', 190, { severities: { critical: 1 } })), ['b critical']);
    assert.deepEqual(take(20, scan('c', 180, { outcome: 'completed' }), scan('older', 140, { outcome: 'failed' })), ['c completed']);
});

test('a pace spends what answers cost, and waits when it is spent', () => {
    const pace = new Pace(10, 5);
    assert.equal(pace.wait(0), 0);
    pace.spend(64 * 1024 * 6);
    assert.equal(pace.wait(0), 300);
    assert.equal(pace.wait(300), 0);
    pace.spend(0);
    assert.equal(pace.wait(10_000), 0);
});
