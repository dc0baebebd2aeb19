// One connection for many scans, with a gateway that the test plays.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';

import { FakeSocket, events, json, pageOf, posted, settle, subscribed } from './fakes.mjs';

const { RECEIVED_AT, SluiceClient, SluiceConnection, SluiceError } = await import(`${process.env.CONSOLE_FILES}/client.js`);

let requests, answer, gateway, states;

const pass = async (ms) => { mock.timers.tick(ms); await settle(); };
const socket = () => FakeSocket.all.at(-1);
const seqsOf = (messages) => messages.map(({ seq }) => seq);
const sent = (action) => socket().sent.filter((frame) => frame.action === action);
const pages = () => requests.filter(({ path }) => path.endsWith('/messages'));
const range = (first, last) => Array.from({ length: last - first + 1 }, (_, index) => first + index);

async function start(options = {}) {
    gateway = new SluiceConnection({
        url: 'https://gateway.test:8443', token: 'a.b.c', onState: (state) => states.push(state), ...options,
    }).open();
    await settle();
    if (FakeSocket.all.length) socket().accept();
    return gateway;
}

/** Follows a scan; the gateway says that it does. */
function follow(scanId, { seq = 0, ...more } = {}, options = {}) {
    const seen = { seqs: [], calls: 0, gaps: [], states: [], epochs: [] };
    seen.subscription = gateway.subscribe(scanId, {
        since: 0, onMessages: (messages) => { seen.calls += 1; seen.seqs.push(...seqsOf(messages)); },
        onGap: (gap) => seen.gaps.push(gap), onState: (state) => seen.states.push(state),
        onEpoch: (change) => seen.epochs.push(change), ...options,
    });
    if (FakeSocket.all.length) {
        const { id } = sent('subscribe').findLast((frame) => frame.scanId === scanId);
        socket().say(subscribed(seq, { scanId, id, ...more }));
    }
    return seen;
}

beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'] });
    mock.method(Math, 'random', () => 0.5);
    [FakeSocket.all, requests, states] = [[], [], []];
    globalThis.WebSocket = FakeSocket;
    answer = ({ path }) => (path === '/api/tickets' ? json(201, { ticket: 't' }) : pageOf([]));
    globalThis.fetch = async (url, init) => {
        const request = { path: new URL(url).pathname, query: new URL(url).searchParams, ...init };
        requests.push(request);
        const result = await answer(request);
        init.signal?.throwIfAborted();
        return result;
    };
});

afterEach(() => {
    gateway?.close();
    delete globalThis.document;
    delete globalThis.requestAnimationFrame;
    mock.reset();
    mock.timers.reset();
});

test('one socket and one ticket for all scans, each in its own order', async () => {
    await start({ times: true });
    assert.equal(socket().url.href, 'wss://gateway.test:8443/api/ws?times=true&ticket=t');
    const [a, b] = [follow('a'), follow('b', {}, { since: undefined, filters: ['x'], rate: 2, wait: 5 })];
    assert.deepEqual(sent('subscribe'), [
        { action: 'subscribe', scanId: 'a', since: 0, id: 1 },
        { action: 'subscribe', scanId: 'b', filters: ['x'], rate: 2, wait: 5, id: 2 },
    ]);
    const times = [];
    a.subscription.addEventListener('messages', ({ detail }) => times.push(...detail.map((message) => message[RECEIVED_AT])));
    socket().say(
        { type: 'batch', scanId: 'a', messages: [posted(1), posted(2)], times: [10, 20] },
        { scanId: 'b', ...posted(7) }, { scanId: 'a', ...posted(3), times: [30] }, { scanId: 'c', ...posted(1) });
    assert.deepEqual([a.seqs, b.seqs, times], [[1, 2, 3], [7], [10, 20, 30]]);
    assert.equal(FakeSocket.all.length, 1);
    assert.deepEqual([...gateway.subscriptions.keys()], ['a', 'b']);
});

test('a scanner\'s own `times` are its own, where nobody asked for the gateway\'s', async () => {
    await start();
    const messages = [];
    follow('a', {}, { onMessage: (message) => messages.push(message) });
    socket().say({ scanId: 'a', ...posted(1), times: [1, 2], id: 1 });
    assert.deepEqual(messages, [{ scanId: 'a', seq: 1, type: 'found', times: [1, 2], id: 1 }]);
    assert.equal(messages[0][RECEIVED_AT], undefined);
});

test('frames of an earlier subscription are none of the new one', async () => {
    await start();
    const old = follow('a');
    socket().say({ scanId: 'a', ...posted(1) });
    const seqs = [];
    gateway.subscribe('a', { since: 0, onMessage: ({ seq }) => seqs.push(seq) });
    assert.deepEqual(socket().sent.map(({ action }) => action), ['subscribe', 'unsubscribe', 'subscribe']);
    socket().say({ scanId: 'a', ...posted(2) }, { type: 'unsubscribed', scanId: 'a', id: 2 },
        subscribed(2, { id: 3 }), { type: 'batch', scanId: 'a', messages: [posted(1), posted(2)] });
    assert.deepEqual([old.seqs, seqs], [[1], [1, 2]]);
    assert.deepEqual([old.states.at(-1).state, old.states.at(-1).reason], ['closed', 'followed anew']);
});

test('after a break all scans go on from where they were', async () => {
    await start();
    const [a, b] = [follow('a'), follow('b')];
    socket().say({ scanId: 'a', ...posted(5) });
    socket().end(1006);
    assert.deepEqual([gateway.state, a.states.at(-1).state, b.states.at(-1).inMs], ['reconnecting', 'reconnecting', 500]);
    await pass(500);
    socket().accept();
    assert.deepEqual(socket().sent.map(({ scanId, since, epoch }) => [scanId, since, epoch]), [['a', 5, 'e1'], ['b', 0, 'e1']]);
    socket().say(subscribed(6, { id: socket().sent[0].id }), { scanId: 'a', ...posted(6) });
    assert.deepEqual(a.seqs, [5, 6]);
    assert.deepEqual(a.states.map(({ state }) => state), ['open', 'live', 'reconnecting', 'connecting', 'open', 'open', 'live']);
});

test('a lag is news, and the gap is filled from history before what came behind it', async () => {
    await start();
    const lags = [];
    const a = follow('a', {}, { onLag: (lag) => lags.push(lag.skippedMessages), filters: ['found', 'x'] });
    let reply;
    answer = () => new Promise((resolve) => { reply = resolve; });
    socket().say({ scanId: 'a', ...posted(1) }, { type: 'lag', scanId: 'a', skippedMessages: 3, since: 1, reason: 'overflow' },
        { scanId: 'a', ...posted(5) });
    await settle();
    assert.deepEqual([a.seqs, lags], [[1], [3]]);
    assert.equal(pages()[0].query.toString(), 'limit=1000&since=1&filters=found%2Cx');
    assert.equal(pages()[0].headers.Authorization, 'Bearer a.b.c');
    reply(pageOf([2, 3], 3));
    await settle();
    assert.equal(pages()[1].query.toString(), 'limit=1000&since=3&filters=found%2Cx');
    reply(pageOf([4]));
    await settle();
    assert.deepEqual(a.seqs, [1, 2, 3, 4, 5]);
    assert.deepEqual(a.gaps.map(({ loaded, total, done, lost }) => [loaded, total, done, lost]), [[2, 3, false, 1], [3, 3, true, 0]]);
});

test('a page that is refused for now is asked for again when the gateway says', async () => {
    await start();
    const a = follow('a');
    answer = () => json(429, { code: 'too_many_requests' }, { 'Retry-After': '2' });
    socket().say({ type: 'lag', scanId: 'a', skippedMessages: 1, since: 0, reason: 'overflow' }, { scanId: 'a', ...posted(2) });
    await settle();
    answer = () => pageOf([1]);
    await pass(2_199);
    assert.deepEqual([a.seqs, pages().length], [[], 1]);
    await pass(1);
    assert.deepEqual([a.seqs, pages().length], [[1, 2], 2]);
});

test('a page that does not come is asked for again, and so is a connection', async () => {
    await start();
    const a = follow('a');
    answer = ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    socket().say({ type: 'lag', scanId: 'a', skippedMessages: 1, since: 0, reason: 'overflow' }, { scanId: 'a', ...posted(2) });
    await pass(29_999);
    assert.equal(pages().length, 1);
    answer = () => pageOf([1]);
    await pass(1);
    await pass(500);
    assert.deepEqual([a.seqs, pages().length], [[1, 2], 2]);
    socket().end(1006);
    await pass(500);
    // The socket that was made now never opens, and never ends.
    await pass(10_000);
    assert.deepEqual([gateway.status.state, gateway.status.reason], ['reconnecting', 'no answer in time']);
});

test('a gap of a scan that is gone is given up, and what is held is delivered', async () => {
    await start();
    const a = follow('a');
    answer = () => json(404, { code: 'scan_not_found' });
    socket().say({ type: 'lag', scanId: 'a', skippedMessages: 4, since: 0, reason: 'history_evicted' }, { scanId: 'a', ...posted(5) });
    await settle();
    assert.deepEqual([a.seqs, a.gaps.at(-1)], [[5], { since: 0, loaded: 0, total: 4, done: true, lost: 4 }]);
});

test('a break while a gap is filled: it is asked for again from where the delivered end', async () => {
    await start();
    const a = follow('a');
    let reply;
    answer = ({ path }) => (path === '/api/tickets' ? json(201, { ticket: 't' }) : new Promise((resolve) => { reply = resolve; }));
    socket().say({ type: 'lag', scanId: 'a', skippedMessages: 9, since: 0, reason: 'overflow' }, { scanId: 'a', ...posted(10) });
    await settle();
    reply(pageOf([1, 2], 2));
    await settle();
    socket().end(1001, '{"retryAfterMs":1000}');
    reply(pageOf(range(3, 9)));
    await pass(1_100);
    assert.deepEqual(a.seqs, [1, 2]);
    socket().accept();
    assert.equal(socket().sent[0].since, 2);
});

test('another life of the scan is told before its messages', async () => {
    await start();
    const order = [];
    const a = follow('a', { seq: 9 }, {
        onEpoch: (change) => order.push(change), onMessage: ({ seq }) => order.push(seq),
    });
    socket().say({ scanId: 'a', ...posted(9) });
    socket().end(1006);
    await pass(500);
    socket().accept();
    answer = () => pageOf([], null, 'e2');
    socket().say(subscribed(1, { epoch: 'e2', recovered: false, id: socket().sent[0].id }), { scanId: 'a', ...posted(1) });
    await settle();
    assert.deepEqual(order, [9, { epoch: 'e2', previous: 'e1' }, 1]);
    assert.equal(a.subscription.epoch, 'e2');
});

for (const [frame, code, advice] of [
    [{ code: 'forbidden', message: 'no' }, 4403, 'ask-for-access'], [{ code: 'scan_not_found', message: 'no' }, 4404, 'check-scan'],
    [{ code: 'too_many_subscriptions', message: 'no' }, 1008, 'report'],
]) {
    test(`${frame.code} ends one scan, and the others go on`, async () => {
        await start();
        const a = follow('a');
        const states = [];
        gateway.subscribe('b', { onState: (state) => states.push(state) });
        socket().say({ type: 'error', scanId: 'b', id: sent('subscribe').at(-1).id, ...frame });
        await settle();
        assert.deepEqual(states.at(-1), { state: 'closed', transport: 'websocket', code, reason: 'no', advice });
        socket().say({ scanId: 'a', ...posted(1) });
        assert.deepEqual([a.seqs, [...gateway.subscriptions.keys()]], [[1], ['a']]);
    });
}

test('a scan that is over ends, and one whose storage is away comes back', async () => {
    await start();
    const [a, b] = [follow('a'), follow('b')];
    socket().say({ type: 'unsubscribed', scanId: 'a', reason: 'scan completed' },
        { type: 'unsubscribed', scanId: 'b', reason: 'storage unavailable' });
    assert.deepEqual([a.states.at(-1).code, a.states.at(-1).advice, b.states.at(-1).state], [1000, 'done', 'reconnecting']);
    await pass(500);
    assert.deepEqual(sent('subscribe').map(({ scanId }) => scanId), ['a', 'b', 'b']);
    assert.equal(gateway.state, 'live');
});

test('a hundred scans are asked for no faster than the gateway takes frames', async () => {
    await start();
    for (const number of range(1, 100)) gateway.subscribe(`s${number}`);
    assert.equal(socket().sent.length, 16);
    await pass(1_000);
    assert.equal(socket().sent.length, 24);
    for (let second = 0; second < 10; second += 1) await pass(1_000);
    assert.deepEqual(sent('subscribe').map(({ scanId }) => scanId), range(1, 100).map((number) => `s${number}`));
});

test('an async loop gives each message, ends with the scan, and throws where it was refused', async () => {
    await start();
    const a = follow('a');
    const seqs = [];
    const loop = (async () => { for await (const { seq } of a.subscription) seqs.push(seq); })();
    socket().say({ type: 'batch', scanId: 'a', messages: [posted(1), posted(2)] });
    await settle();
    assert.deepEqual(seqs, [1, 2]);
    socket().say({ scanId: 'a', ...posted(3) }, { type: 'unsubscribed', scanId: 'a', reason: 'scan completed' });
    await loop;
    assert.deepEqual(seqs, [1, 2, 3]);
    const refused = gateway.subscribe('b');
    socket().say({ type: 'error', scanId: 'b', id: sent('subscribe').at(-1).id, code: 'forbidden', message: 'no' });
    await settle();
    await assert.rejects(async () => { for await (const message of refused) assert.fail(message); },
        (error) => error instanceof SluiceError && error.code === 4403);
});

test('a loop may be begun before the connection is', async () => {
    gateway = new SluiceConnection({ url: 'https://g.test' });
    const seqs = [];
    const loop = (async () => { for await (const { seq } of gateway.subscribe('a', { since: 0 })) seqs.push(seq); })();
    await settle();
    gateway.open();
    await settle();
    socket().accept();
    socket().say(subscribed(1, { id: 1 }), { scanId: 'a', ...posted(1) });
    await settle();
    gateway.close();
    await loop;
    assert.deepEqual(seqs, [1]);
});

test('a loop that is slow misses nothing: the rest is read from history', async () => {
    await start();
    const a = follow('a');
    const loop = a.subscription[Symbol.asyncIterator]();
    for (const number of range(0, 29)) {
        socket().say({ type: 'batch', scanId: 'a', messages: range(number * 500 + 1, number * 500 + 500).map((seq) => posted(seq)) });
    }
    answer = ({ query }) => {
        const since = Number(query.get('since'));
        const last = Math.min(since + 1_000, 15_000);
        return pageOf(range(since + 1, last), last < 15_000 ? last : null);
    };
    const seqs = [];
    while (seqs.length < 15_000) seqs.push((await loop.next()).value.seq);
    assert.deepEqual(seqs, range(1, 15_000));
    assert.equal(a.seqs.length, 15_000);
    assert.equal(pages().length, 5);
});

test('a token is renewed before it ends, for all scans at once; a refused request asks once, too', async () => {
    let count = 0;
    await start({ token: undefined, getToken: async () => `t.t.${count += 1}` });
    follow('a');
    socket().say({ type: 'tokenExpiring', expiresIn: 60 });
    await settle();
    assert.deepEqual(sent('refresh'), [{ action: 'refresh', token: 't.t.2', id: 2 }]);
    answer = ({ headers }) => (headers.Authorization === 'Bearer t.t.3' ? json(200, { ok: true }) : json(401, {}));
    const [first, second] = await Promise.all([gateway.json('/api/scans/stats'), gateway.json('/api/scans/stats')]);
    assert.deepEqual([first, second, count], [{ ok: true }, { ok: true }, 3]);
    answer = () => json(401, { detail: 'expired', code: 'invalid_token' });
    await assert.rejects(gateway.json('/api/scans/stats'), (error) => error.code === 4401 && error.problem === 'invalid_token');
    assert.equal(count, 4);
});

/** A page of a tab. */
function tab() {
    const document = new EventTarget();
    document.visibilityState = 'visible';
    globalThis.document = document;
    return (visibilityState) => {
        document.visibilityState = visibilityState;
        document.dispatchEvent(new Event('visibilitychange'));
    };
}

test('a tab that is hidden asks for fewer frames, and for as many as before when it is seen', async () => {
    const becomes = tab();
    await start();
    follow('a', { rate: 10 });
    follow('b', { rate: 5 }, { rate: 5 });
    becomes('hidden');
    becomes('visible');
    const rates = sent('rate').map(({ scanId, messagesPerSecond }) => [scanId, messagesPerSecond]);
    assert.deepEqual(rates, [['a', 1], ['b', 1], ['a', 1_000_000], ['b', 5]]);
    becomes('hidden');
    gateway.subscribe('c');
    assert.equal(sent('subscribe').at(-1).rate, 1);
});

test('where it is not wanted a hidden tab gets all frames', async () => {
    const becomes = tab();
    await start({ hiddenRate: null });
    follow('a');
    becomes('hidden');
    assert.deepEqual(sent('rate'), []);
});

test('a tab that is seen again comes back at once, and asks a connection that was silent', async () => {
    const becomes = tab();
    await start();
    follow('a');
    await pass(9_000);
    becomes('hidden');
    becomes('visible');
    assert.equal(sent('ping').length, 1);
    await pass(5_000);
    assert.deepEqual([gateway.status.state, gateway.status.reason], ['reconnecting', 'no sign of life']);
    becomes('hidden');
    becomes('visible');
    assert.equal(gateway.state, 'connecting');
});

test('a scan by itself lowers its rate in a hidden tab from the beginning on', async () => {
    const becomes = tab();
    becomes('hidden');
    gateway = new SluiceClient({ url: 'https://g.test', scanId: 'a' }).open();
    await settle();
    socket().accept();
    socket().say(subscribed(0));
    assert.deepEqual(sent('rate'), [{ action: 'rate', messagesPerSecond: 1, id: 1 }]);
});

test('a network that is back is tried soon, and at any time on request', async () => {
    const target = new EventTarget();
    globalThis.addEventListener = target.addEventListener.bind(target);
    globalThis.removeEventListener = target.removeEventListener.bind(target);
    try {
        await start();
        socket().end(1006);
        target.dispatchEvent(new Event('online'));
        await pass(500);
        assert.equal(FakeSocket.all.length, 2);
        socket().accept();
        // Who was told when to come back keeps to it.
        socket().end(1001, '{"retryAfterMs":60000}');
        target.dispatchEvent(new Event('online'));
        await pass(500);
        assert.equal(FakeSocket.all.length, 2);
        gateway.retryNow();
        await settle();
        assert.equal(FakeSocket.all.length, 3);
        await pass(100_000);
        assert.equal(FakeSocket.all.length, 3);
    } finally {
        delete globalThis.addEventListener;
        delete globalThis.removeEventListener;
    }
});

test('with `frame` there is one delivery for each frame that is drawn, and one more before the end', async () => {
    const frames = [];
    globalThis.requestAnimationFrame = (draw) => frames.push(draw);
    await start({ delivery: 'frame' });
    const [a, b] = [follow('a'), follow('b')];
    for (const seq of range(1, 50)) socket().say({ scanId: 'a', ...posted(seq) }, { scanId: 'b', ...posted(seq) });
    assert.deepEqual([a.seqs, frames.length], [[], 1]);
    frames.shift()();
    assert.deepEqual([a.seqs, a.calls, b.calls], [range(1, 50), 1, 1]);
    socket().say({ scanId: 'a', ...posted(51) });
    // A tab that draws no frames gets them all the same.
    await pass(250);
    assert.equal(a.calls, 2);
    frames.shift()();
    socket().say({ scanId: 'a', ...posted(52) }, { type: 'unsubscribed', scanId: 'a', reason: 'scan completed' });
    assert.deepEqual([a.seqs.at(-1), a.calls], [52, 3]);
});

test('a path is one of the gateway, so that its token goes nowhere else', async () => {
    await start();
    for (const path of ['@elsewhere.test/', '.elsewhere.test/', 'https://elsewhere.test/', '']) {
        await assert.rejects(gateway.fetch(path), TypeError);
    }
    await assert.rejects(gateway.page('../stats'), TypeError);
    assert.deepEqual(requests.map(({ path }) => path), ['/api/tickets']);
});

test('with `frame`, too, news come in their place among the messages', async () => {
    globalThis.requestAnimationFrame = () => {};
    await start({ delivery: 'frame' });
    const told = [];
    follow('a', {}, {
        fill: false, onMessages: (messages) => told.push(seqsOf(messages)), onLag: ({ skippedMessages }) => told.push(skippedMessages),
        onNotice: ({ type }) => told.push(type), onState: ({ state }) => told.push(state),
    });
    socket().say({ scanId: 'a', ...posted(1) }, { scanId: 'a', ...posted(2) },
        { type: 'lag', scanId: 'a', skippedMessages: 7, since: 2, reason: 'overflow' },
        { scanId: 'a', ...posted(10) }, { type: 'scanStalled', scanId: 'a', silentFor: 60 }, { scanId: 'a', ...posted(11) });
    socket().end(1006);
    assert.deepEqual(told, ['open', 'live', 'subscribed', [1, 2], 7, [10], 'scanStalled', [11], 'reconnecting']);
});

test('history is read page by page, upwards or downwards', async () => {
    await start();
    answer = ({ query }) => (query.get('since') || query.get('before') ? pageOf([3]) : pageOf([1, 2], 2));
    const seqs = [];
    for await (const { seq } of gateway.history('a', { severity: ['high', 'critical'], q: 'x y' })) seqs.push(seq);
    assert.deepEqual(seqs, [1, 2, 3]);
    assert.equal(pages()[1].query.toString(), 'limit=1000&severity=high%2Ccritical&q=x+y&since=2');
    for await (const message of gateway.history('a', { order: 'desc', limit: 2 })) if (message.seq === 3) break;
    assert.equal(pages().at(-1).query.toString(), 'limit=2&order=desc&before=2');
});

test('by event streams each scan has its own, four at once, and the next when one ends', async () => {
    const streams = new Map();
    answer = ({ path }) => {
        const stream = events();
        streams.set(path.split('/')[3], stream);
        return stream.response;
    };
    delete globalThis.WebSocket;
    await start();
    const seen = ['a', 'b', 'c', 'd', 'e'].map((scanId) => follow(scanId));
    await settle();
    assert.deepEqual([...streams.keys()], ['a', 'b', 'c', 'd']);
    await streams.get('b').say(`event: subscribed\ndata: ${JSON.stringify(subscribed(1, { scanId: 'b' }))}\n\n`
        + 'id: e1:1\nevent: found\ndata: {"seq":1,"type":"found"}\n\n');
    assert.deepEqual([seen[1].seqs, seen[1].states.at(-1).state], [[1], 'live']);
    await streams.get('a').say('event: sluice.close\ndata: {"code":1000,"reason":"scan completed"}\n\n');
    await settle();
    assert.deepEqual([...streams.keys()], ['a', 'b', 'c', 'd', 'e']);
    await streams.get('b').end();
    assert.deepEqual([seen[1].states.at(-1).state, gateway.state], ['reconnecting', 'live']);
    await pass(500);
    assert.equal(requests.at(-1).headers['Last-Event-ID'], 'e1:1');
    assert.equal(seen[0].states.at(-1).reason, 'scan completed');
});

test('streams whose token ends share a new one, and each is opened anew once', async () => {
    const streams = [];
    answer = () => {
        streams.push(events());
        return streams.at(-1).response;
    };
    delete globalThis.WebSocket;
    let count = 0;
    await start({ token: undefined, getToken: async () => `t.t.${count += 1}` });
    for (const scanId of ['a', 'b', 'c']) follow(scanId);
    await settle();
    assert.deepEqual([streams.length, count], [3, 1]);
    for (const stream of [...streams]) stream.say('data: {"type":"tokenExpiring","expiresIn":60}\n\n');
    await settle();
    assert.deepEqual([streams.length, count], [6, 2]);
    assert.deepEqual(requests.slice(3).map(({ headers }) => headers.Authorization), Array(3).fill('Bearer t.t.2'));
});

test('a WebSocket that is handed in is used', async () => {
    delete globalThis.WebSocket;
    await start({ WebSocket: FakeSocket });
    assert.deepEqual([FakeSocket.all.length, gateway.transport], [1, 'websocket']);
});
