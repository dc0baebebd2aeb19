import assert from 'node:assert/strict';
import { test } from 'node:test';

const model = await import(`${process.env.CONSOLE_FILES}/console-model.js`);

const scan = (...messages) => {
    const made = new model.ScanModel();
    made.add(messages.map((message, index) => ({ seq: index + 1, ...message })), 0);
    return made;
};

test('phases follow each other, each with its percent', () => {
    const made = scan(
        { type: 'scanStarted' }, { type: 'phaseStarted', phase: 'ping' }, { type: 'scanProgress', phase: 'ping', percent: 40 },
        { type: 'phaseStarted', phase: 'ports' }, { type: 'scanProgress', phase: 'ports', percent: 250 },
    );
    assert.deepEqual([...made.phases], [['ping', { percent: 40, isDone: true }], ['ports', { percent: 100, isDone: true }]]);
    assert.equal(made.phase, 'ports');
    assert.equal(made.outcome, 'running');
    made.add([{ seq: 9, type: 'scanCompleted' }], 0);
    assert.equal(made.outcome, 'completed');
    assert.equal(made.percent, 100);
});

test('hostile values are text, whatever they pretend to be', () => {
    const hostile = { toString: 1, valueOf: 1 };
    const made = scan(
        { type: 'phaseStarted', phase: hostile }, { type: 'scanProgress', phase: '__proto__', percent: '9' },
        { type: 'constructor', ip: hostile, port: {} }, { type: '__proto__', percent: NaN, ip: '<img src=x>\u202e\u0000' },
        JSON.parse('{"type":"found","__proto__":{"ip":"x"},"hasOwnProperty":1}'),
    );
    assert.equal(made.counts.get('__proto__'), 1);
    const rows = made.findings.after(0);
    assert.deepEqual(rows.map((row) => typeof row.target), ['string', 'string', 'string']);
    assert.equal(rows[1].target, '<img src=x>\\u202e\\u0000');
});

test('every collection has a limit', () => {
    const made = new model.ScanModel();
    for (let seq = 1; seq <= 5_000; seq += 1) {
        made.add([{ seq, type: `t${seq}`, text: 'x'.repeat(2_000) }, { seq, type: 'phaseStarted', phase: `p${seq}` }], seq);
        made.addLag({ skippedMessages: 1, since: seq, reason: 'overflow' }, null);
    }
    assert.equal(made.messages.after(0).length, model.ROW_LIMIT);
    assert.equal(made.messages.last, 10_000);
    assert.ok(made.counts.size <= 61);
    assert.equal(made.phases.size, 40);
    assert.equal(made.lags.length, 50);
    assert.equal(made.skipped, 5_000);
    assert.ok(made.messages.after(9_990).every((row) => row.detail.length < 300));
});

test('a ring gives what came after a number, oldest first', () => {
    const ring = new model.Ring();
    for (let value = 1; value <= 1_234; value += 1) ring.push({ value });
    assert.deepEqual(ring.after(1_232).map((item) => item.value), [1_233, 1_234]);
    assert.deepEqual(ring.after(1_234), []);
    assert.equal(ring.after(0)[0].value, 735);
});

test('a finding says what it is about, and the rest after it', () => {
    const found = { seq: 1, type: 'portFound', ip: '10.0.0.1', port: 22, protocol: 'tcp', state: 'open', tags: ['a'] };
    assert.deepEqual(model.describe(found), { target: '10.0.0.1:22/tcp', detail: 'state: open  ·  tags: ["a"]' });
    assert.equal(model.describe({ type: 'x' }).target, '');
    for (const [fields, target] of [
        [{ host: 'https://a:8443' }, 'https://a:8443'], [{ host: 'a:8443' }, 'a:8443'], [{ target: 'https://a:8443/http', host: 'a' }, 'https://a:8443/http'],
        [{ ip: '2001:db8::1' }, '2001:db8::1:8443/http'], [{ host: '[2001:db8::1]:8443' }, '[2001:db8::1]:8443'], [{ url: 'https://a' }, 'https://a'],
    ]) assert.equal(model.describe({ ...fields, port: 8443, protocol: 'http' }).target, target);
    assert.equal(model.describe({ percent: 37.699999999999996, ports: 65535 }).detail, 'percent: 37.7  ·  ports: 65535');
});

test('the rate is that of the last five seconds', () => {
    const made = new model.ScanModel();
    for (let now = 0; now < 10_000; now += 100) made.add([{ seq: now, type: 'x' }], now);
    assert.equal(made.rate(9_900), 10);
    assert.equal(made.rate(60_000), 0);
});

test('fragments and tokens are read, and nonsense is nothing', () => {
    assert.deepEqual(model.readFragment('#token=a.b.c&scan=s-1'), { token: 'a.b.c', scan: 's-1' });
    assert.deepEqual(model.readFragment(''), { token: null, scan: null });
    const payload = Buffer.from('{"sub":"álice","exp":2}').toString('base64url');
    assert.deepEqual(model.tokenFacts(`x.${payload}.y`), { subject: 'álice', expiresAt: 2_000 });
    for (const nonsense of ['', 'a', 'a.b.c', 'a.bnVsbA.c']) assert.equal(model.tokenFacts(nonsense), null);
});

test('durations are said as people say them', () => {
    assert.deepEqual([0, 59.6, 61, 7_260, -1, NaN].map(model.duration), ['0 s', '1 min', '1 min 1 s', '2 h 1 min', '0 s', '']);
});
