import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';

import { FakeSocket, events, json, pageOf, posted, settle, subscribed } from './fakes.mjs';

const { SluiceClient, SluiceConnection } = await import(`${process.env.CONSOLE_FILES}/client.js`);

let requests, answer, states, messages, client;

const pass = async (ms) => { mock.timers.tick(ms); await settle(); };
const socket = () => FakeSocket.all.at(-1);
const state = () => states.at(-1);

async function start(options = {}) {
    client = new SluiceClient({
        url: 'https://gateway.test:8443', scanId: 'a', token: 'a.b.c',
        onMessage: (message) => messages.push(message.seq), onState: (told) => states.push(told), ...options,
    }).open();
    await settle();
    return client;
}

beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'] });
    mock.method(Math, 'random', () => 0.5);
    [FakeSocket.all, requests, states, messages] = [[], [], [], []];
    globalThis.WebSocket = FakeSocket;
    answer = ({ path }) => {
        if (path.endsWith('/messages')) return pageOf([]);
        return path === '/api/tickets' ? json(201, { ticket: `t${requests.length}` }) : json(200, {});
    };
    globalThis.fetch = async (url, init) => {
        const request = { path: new URL(url).pathname, query: new URL(url).searchParams, ...init };
        requests.push(request);
        return answer(request);
    };
});

afterEach(() => {
    client?.close();
    mock.reset();
    mock.timers.reset();
});

test('a ticket stands in the URL, the token only in a header', async () => {
    await start({ since: 0, filters: ['x', 'y'], rate: 2, wait: 5 });
    assert.equal(requests[0].method, 'POST');
    assert.equal(requests[0].headers.Authorization, 'Bearer a.b.c');
    assert.equal(socket().url.href,
        'wss://gateway.test:8443/api/ws/scans/a?since=0&filters=x%2Cy&rate=2&wait=5&ticket=t1');
    assert.deepEqual(socket().protocols, []);
});

test('where there are no tickets, the token goes as a subprotocol', async () => {
    answer = () => json(404, {});
    await start();
    assert.deepEqual(socket().protocols, ['sluice.v1', 'bearer.a.b.c']);
    assert.equal(socket().url.search, '');
});

test('without a token no ticket is asked for', async () => {
    await start({ token: undefined });
    assert.equal(requests.length, 0);
    assert.equal(FakeSocket.all.length, 1);
});

test('a path before the API, and a WebSocket address, are understood', async () => {
    await start({ url: 'ws://gateway.test/under/this/', token: undefined });
    assert.equal(socket().url.href, 'ws://gateway.test/under/this/api/ws/scans/a?');
});

test('ids that are none are refused at once', () => {
    for (const scanId of ['', '.', '..', 'a/b', 'a b', 'ü', 'x'.repeat(129), undefined]) {
        assert.throws(() => new SluiceClient({ url: 'https://g.test', scanId }), TypeError);
    }
});

test('batches are unfolded, and each seq is delivered once', async () => {
    const batches = [];
    await start({ since: 0, onBatch: (batch) => batches.push(batch.map((message) => message.seq)) });
    socket().accept();
    socket().say(subscribed(3), { scanId: 'a', ...posted(1) });
    socket().say({ type: 'batch', scanId: 'a', messages: [posted(1), posted(2), posted(4)] }, posted(4), posted(5, 'error'));
    assert.deepEqual(messages, [1, 2, 4, 5]);
    assert.deepEqual(batches, [[1], [2, 4], [5]]);
});

test('messages of a batch bear their scan, as single ones do', async () => {
    const seen = [];
    await start({ onMessage: (message) => seen.push(message.scanId) });
    socket().accept();
    socket().say(subscribed(0), { type: 'batch', scanId: 'a', messages: [posted(1), posted(2)] });
    assert.deepEqual(seen, ['a', 'a']);
});

test('it resumes after the newest message, within the epoch', async () => {
    await start({ since: 0 });
    socket().accept();
    socket().say(subscribed(0), posted(1), posted(2));
    socket().end(1006);
    assert.equal(state().state, 'reconnecting');
    await pass(state().inMs);
    assert.equal(socket().url.searchParams.get('since'), '2');
    assert.equal(socket().url.searchParams.get('epoch'), 'e1');
    socket().accept();
    socket().say(subscribed(3), posted(2), posted(3));
    assert.deepEqual(messages, [1, 2, 3]);
});

test('who came for live messages and saw none resumes where it began', async () => {
    await start();
    socket().accept();
    socket().say(subscribed(40));
    socket().end(1006);
    await pass(1_000);
    assert.equal(socket().url.searchParams.get('since'), '40');
});

test('in another epoch, or before its own position, seqs begin anew', async () => {
    await start({ since: 0 });
    socket().accept();
    socket().say(subscribed(9), posted(9));
    socket().end(1006);
    await pass(1_000);
    socket().accept();
    answer = () => pageOf([], null, 'e2');
    socket().say(subscribed(20, { epoch: 'e2', recovered: false }), posted(1));
    await settle();
    assert.deepEqual(messages, [9, 1]);
    assert.equal(client.epoch, 'e2');
    client.close();
    answer = () => json(404, {});
    await start({ since: 50 });
    socket().accept();
    answer = () => pageOf([]);
    socket().say(subscribed(7, { recovered: false }), posted(7));
    await settle();
    assert.deepEqual(messages, [9, 1, 7]);
});

test('delays grow, and begin anew after a connection that lasted', async () => {
    await start();
    const delays = [];
    for (let i = 0; i < 8; i += 1) {
        socket().accept();
        socket().say(subscribed(0));
        socket().end(1013);
        delays.push(state().inMs);
        await pass(state().inMs);
    }
    assert.deepEqual(delays, [500, 1000, 2000, 4000, 8000, 15000, 15000, 15000]);
    socket().accept();
    socket().say(subscribed(0));
    await pass(10_000);
    socket().end(1006);
    assert.equal(state().inMs, 500);
    assert.equal(state().at, Date.now() + 500);
});

test('the gateway says when to come back', async () => {
    await start();
    socket().accept();
    socket().end(1001, '{"retryAfterMs":4000}');
    assert.equal(state().inMs, 4400);
    answer = () => json(503, { title: 'Shutting down' }, { 'Retry-After': '7' });
    await pass(4400);
    assert.equal(state().state, 'reconnecting');
    assert.equal(state().inMs, 7700);
    assert.equal(state().reason, 'Shutting down');
});

for (const [code, reason, advice] of [
    [1000, 'scan completed', 'done'], [4401, 'revoked', 'new-token'],
    [4403, 'forbidden', 'ask-for-access'], [4404, 'no such scan', 'check-scan'], [4429, '', 'close-others'],
    [1008, 'too fast', 'report'],
]) {
    test(`${code} ${reason} is final: ${advice}`, async () => {
        await start();
        socket().accept();
        socket().end(code, reason);
        assert.deepEqual(state(), { state: 'closed', transport: 'websocket', code, reason, advice });
        await pass(600_000);
        assert.equal(FakeSocket.all.length, 1);
    });
}

test('a heartbeat that came too late is no end', async () => {
    await start();
    socket().accept();
    socket().say(subscribed(3));
    socket().end(1000, 'heartbeat timeout');
    assert.equal(state().state, 'reconnecting');
    await pass(1_000);
    assert.equal(socket().url.searchParams.get('since'), '3');
});

test('on 4401 it asks for a token once, and not again before a connection lasted', async () => {
    let count = 0;
    await start({ token: undefined, getToken: async () => `t.t.${count += 1}` });
    socket().accept();
    socket().end(4401, 'token expired');
    assert.equal(state().state, 'reconnecting');
    await pass(1_000);
    assert.equal(requests.at(-1).headers.Authorization, 'Bearer t.t.2');
    socket().accept();
    socket().end(4401, 'token expired');
    assert.equal(state().advice, 'new-token');
    assert.equal(count, 2);
});

test('a refused ticket is a final refusal, not a reason to try again', async () => {
    answer = () => json(401, { detail: 'signature' });
    await start();
    assert.deepEqual([state().state, state().code, state().reason], ['closed', 4401, 'signature']);
    assert.equal(FakeSocket.all.length, 0);
});

test('a WebSocket that never opened is explained by the scan itself', async () => {
    answer = ({ path }) => (path === '/api/tickets' ? json(201, { ticket: 't' }) : json(403, { title: 'Forbidden' }));
    await start();
    socket().end(1006);
    await settle();
    assert.deepEqual([state().code, state().reason, state().advice], [4403, 'Forbidden', 'ask-for-access']);
});

test('what is not a token is not sent', async () => {
    await start({ token: 'a b\r\nX: y' });
    assert.equal(requests.length, 0);
    assert.equal(state().code, 4401);
});

test('a token about to expire is renewed in place', async () => {
    await start({ getToken: async () => 'n.e.w' });
    socket().accept();
    socket().say(subscribed(0), { type: 'tokenExpiring', expiresIn: 60 });
    await settle();
    assert.deepEqual(socket().sent, [{ action: 'refresh', token: 'n.e.w', id: 1 }]);
});

test('actions are answered by id, and by null when the connection goes', async () => {
    await start();
    assert.equal(await client.ping(), null);
    socket().accept();
    socket().say(subscribed(0));
    const [filters, rate, ping] = [client.setFilters(['x']), client.setRate(2), client.ping()];
    assert.deepEqual(socket().sent, [
        { action: 'subscribe', filters: ['x'], id: 1 }, { action: 'rate', messagesPerSecond: 2, id: 2 },
        { action: 'ping', id: 3 },
    ]);
    mock.timers.tick(7);
    socket().say({ type: 'error', code: 'invalid_rate', id: 2 }, { type: 'ack', action: 'subscribe', id: 1 });
    assert.equal((await filters).type, 'ack');
    assert.equal((await rate).code, 'invalid_rate');
    socket().end(1006);
    assert.equal(await ping, null);
    await pass(1_000);
    assert.equal(socket().url.searchParams.get('filters'), 'x');
    assert.equal(socket().url.searchParams.get('rate'), '2');
});

test('a silent connection is asked, and given up when it does not answer', async () => {
    await start();
    socket().accept();
    socket().say(subscribed(0));
    await pass(30_000);
    assert.equal(socket().sent.at(-1).action, 'ping');
    socket().say({ type: 'pong', id: 1 });
    await pass(30_000);
    assert.equal(socket().sent.length, 2);
    await pass(15_000);
    assert.deepEqual([state().state, state().reason], ['reconnecting', 'no sign of life']);
});

test('lags and notices are told apart from messages', async () => {
    const [lags, notices] = [[], []];
    await start({ onLag: (lag) => lags.push(lag.skippedMessages), onNotice: (notice) => notices.push(notice.type) });
    socket().accept();
    socket().say(subscribed(0), { type: 'lag', skippedMessages: 15, since: 27, reason: 'overflow' },
        { type: 'scanStalled', silentFor: 60 }, { type: 'error', code: 'unknown_action', message: 'no' });
    assert.deepEqual(lags, [15]);
    assert.deepEqual(notices, ['subscribed', 'scanStalled', 'error']);
    assert.deepEqual(messages, []);
});

test('a callback that throws costs no message, and one that closes gets no more', async () => {
    mock.method(console, 'error', () => {});
    const seen = [];
    await start({
        onMessage: ({ seq }) => {
            seen.push(seq);
            if (seq === 1) throw new Error('theirs');
            if (seq === 2) client.close();
        },
    });
    socket().accept();
    socket().say(subscribed(0), { type: 'batch', messages: [posted(1), posted(2), posted(3)] });
    assert.deepEqual(seen, [1, 2]);
    assert.equal(state().advice, 'done');
});

test('after close nothing comes back, and open goes on from where it was', async () => {
    await start();
    socket().accept();
    socket().say(subscribed(4), posted(5));
    const first = socket();
    client.close();
    assert.equal(first.closedWith, 1000);
    first.say(posted(6));
    first.end(1006);
    await pass(600_000);
    assert.equal(FakeSocket.all.length, 1);
    client.open();
    await settle();
    assert.equal(socket().url.searchParams.get('since'), '5');
    assert.deepEqual(messages, [5]);
});

test('an event stream is the same subscription, and resumes by the last event', async () => {
    let stream = events();
    answer = () => stream.response;
    await start({ transport: 'sse', since: 0 });
    assert.equal(requests[0].path, '/api/scans/a/events');
    assert.equal(requests[0].headers.Authorization, 'Bearer a.b.c');
    await stream.say(`event: subscribed\ndata: ${JSON.stringify(subscribed(2))}\n\n: still here\n\nid: e1:1\neve`);
    await stream.say('nt: found\ndata: {"seq":1,"type":"found"}\n\nid: e1:2\nevent: found\ndata: {"seq":2,"type":"found"}\n\n');
    assert.deepEqual(messages, [1, 2]);
    await stream.end();
    assert.equal(state().state, 'reconnecting');
    stream = events();
    await pass(1_000);
    assert.equal(requests.at(-1).headers['Last-Event-ID'], 'e1:2');
    await stream.say('event: sluice.close\ndata: {"code":1000,"reason":"scan completed"}\n\n');
    assert.deepEqual([state().state, state().code, state().reason], ['closed', 1000, 'scan completed']);
});

test('a scanner may post what it likes: only the gateway ends a stream', async () => {
    const stream = events();
    answer = () => stream.response;
    await start({ transport: 'sse', since: 0 });
    await stream.say('retry: 3000\n\n');
    for (const [index, type] of ['close', 'error', 'message', 'open'].entries()) {
        await stream.say(`id: e1:${index + 1}\nevent: ${type}\ndata: {"seq":${index + 1},"type":"${type}","code":4403}\n\n`);
    }
    assert.deepEqual(messages, [1, 2, 3, 4]);
    assert.equal(state().state, 'open');
    await stream.say('retry: 9000\n\nevent: sluice.close\ndata: {"code":1001,"reason":"{\\"retryAfterMs\\":9000}"}\n\n');
    assert.deepEqual([state().state, state().code, state().inMs], ['reconnecting', 1001, 9900]);
});

test('an unnamed event ends a stream by its type, too', async () => {
    const stream = events();
    answer = () => stream.response;
    await start({ transport: 'sse', since: 0 });
    await stream.say('data: {"type":"sluice.close","code":4403,"reason":"disconnected"}\n\n');
    assert.deepEqual([state().state, state().code, state().advice], ['closed', 4403, 'ask-for-access']);
});

test('text that is cut within a character is whole again', async () => {
    let stream;
    answer = () => new Response(new ReadableStream({ start: (controller) => { stream = controller; } }));
    const texts = [];
    await start({ transport: 'sse', since: 0, onMessage: ({ text }) => texts.push(text) });
    const bytes = new TextEncoder().encode('id: e1:1\nevent: a\ndata: {"seq":1,"type":"a","text":"é😀"}\n\n');
    for (const byte of bytes) stream.enqueue(Uint8Array.of(byte));
    await settle();
    assert.deepEqual(texts, ['é😀']);
});

test('where there are no WebSockets, events carry the scan from the first attempt on, and after a refusal', async () => {
    delete globalThis.WebSocket;
    const stream = events();
    answer = () => stream.response;
    await start({ since: 0 });
    assert.deepEqual(requests.map(({ path }) => path), ['/api/scans/a/events']);
    await stream.say(`event: subscribed\ndata: ${JSON.stringify(subscribed(0))}\n\n`);
    assert.deepEqual([state().state, state().transport], ['live', 'sse']);
    answer = () => json(503, { title: 'Overloaded' }, { 'Retry-After': '2' });
    await stream.end();
    await pass(1_000);
    answer = () => events().response;
    await pass(state().inMs);
    assert.deepEqual(requests.map(({ path }) => path), Array(3).fill('/api/scans/a/events'));
    assert.equal(state().state, 'open');
});

for (const [missing, transport, what] of [
    ['WebSocket', 'websocket', 'WebSocket'], ['fetch', 'sse', 'fetch'], ['fetch', 'auto', 'fetch'],
]) {
    test(`without ${missing}, ${transport} says so once, and never tries again`, async () => {
        delete globalThis[missing];
        await start({ transport });
        assert.deepEqual(states.map((told) => told.state), ['connecting', 'closed']);
        assert.deepEqual([state().reason, state().advice], [`there is no ${what} here`, 'report']);
        await pass(600_000);
        assert.deepEqual([states.length, requests.length, FakeSocket.all.length], [2, 0, 0]);
    });
}

test('a stream that cannot be read is no reason to try again', async () => {
    answer = () => ({ ok: true, status: 200, body: null });
    await start({ transport: 'sse' });
    await pass(600_000);
    assert.deepEqual([state().state, requests.length], ['closed', 1]);
});

for (const transport of ['auto', 'websocket']) {
    test(`a WebSocket that may not be made at all, with ${transport}`, async () => {
        globalThis.WebSocket = function WebSocket() { throw new Error('insecure'); };
        await start({ transport, token: undefined });
        answer = () => events().response;
        await pass(600_000);
        if (transport === 'auto') assert.deepEqual([state().state, state().transport], ['open', 'sse']);
        else assert.deepEqual([state().state, state().reason, state().advice], ['closed', 'insecure', 'report']);
        assert.ok(states.length <= 4);
    });
}

test('where WebSockets do not pass, events take over', async () => {
    await start();
    socket().end(1006);
    await settle();
    await pass(1_000);
    socket().end(1006);
    await settle();
    const stream = events();
    answer = () => stream.response;
    await pass(1_000);
    assert.equal(requests.at(-1).path, '/api/scans/a/events');
    assert.equal(state().transport, 'sse');
});

test('of several gateways the next is asked where one is away, and the place is kept', async () => {
    const asked = [];
    globalThis.fetch = async (url) => {
        asked.push(new URL(url).host);
        if (new URL(url).host === 'one.test') throw new TypeError('fetch failed');
        return json(201, { ticket: 'T' });
    };
    await start({ url: ['https://one.test', 'https://two.test', 'https://three.test/under'], since: 0 });
    await pass(60_000);
    assert.deepEqual(asked.slice(0, 2), ['one.test', 'two.test']);
    assert.equal(socket().url.host, 'two.test');
    socket().accept();
    socket().say(subscribed(0), { ...posted(1), scanId: 'a' });
    socket().end(1013, 'storage unavailable');
    await pass(60_000);
    assert.equal(socket().url.host, 'three.test');
    assert.equal(socket().url.pathname, '/under/api/ws/scans/a');
    assert.equal(socket().url.searchParams.get('since'), '1');
    assert.equal(socket().url.searchParams.get('epoch'), 'e1');
    socket().accept();
    socket().end(1006);
    await pass(60_000);
    await pass(60_000);
    assert.deepEqual(asked.at(-1), 'two.test', 'around once more, past the one that is away');
});

test('a gateway that answers 503 is left for the next, one that refuses is not', async () => {
    const hosts = [];
    const answers = { 'one.test': 503, 'two.test': 404 };
    globalThis.fetch = async (url) => {
        hosts.push(new URL(url).host);
        return json(answers[new URL(url).host], { code: 'x', status: answers[new URL(url).host] });
    };
    const connection = new SluiceConnection({ url: ['https://one.test', 'https://two.test'], token: 'a.b.c' });
    const failure = connection.json('/api/scans/stats').catch((error) => error);
    await settle();
    await pass(60_000);
    assert.equal((await failure).status, 404);
    assert.deepEqual(hosts, ['one.test', 'two.test']);
});
