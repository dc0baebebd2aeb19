// What decides in the client, without a socket, a clock or a callback.

import assert from 'node:assert/strict';
import { test } from 'node:test';

const { Backlog, Backoff, Order, Pace, SluiceError, verdict } = await import(`${process.env.CONSOLE_FILES}/client.js`);

const range = (first, last) => Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
const posted = (...seqs) => seqs.map((seq) => ({ seq, type: 'found' }));
const seqsOf = (messages) => messages.map(({ seq }) => seq);
const pageOf = (seqs, next = null, epoch = 'e1') => ({ epoch, messages: posted(...seqs), next });

function placed(seq = 0, fills = true) {
    const order = new Order(seq, 'e1', fills);
    order.subscribed({ seq, epoch: 'e1', recovered: true });
    return order;
}

test('delays are any within a bound that doubles to half a minute', () => {
    for (const [random, expected] of [
        [0, [0, 0, 0]], [0.5, [500, 1_000, 2_000]], [1, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]],
    ]) {
        const backoff = new Backoff(() => random);
        assert.deepEqual(expected.map(() => backoff.next()), expected);
        backoff.reset();
        assert.equal(backoff.next(), expected[0]);
    }
});

test('a wish is kept, and not for ever', () => {
    const backoff = new Backoff(() => 0.5);
    assert.deepEqual([backoff.next(4_000), backoff.next(0), backoff.next(1e12)], [4_400, 0, 660_000]);
    assert.ok(backoff.next(NaN) <= 30_000 && backoff.next(-5) <= 30_000);
});

test('ends that would come again are final, and others are not', () => {
    for (const code of [1001, 1006, 1011, 1012, 1013]) assert.deepEqual(verdict(new SluiceError(code, '')), { comesBack: true });
    for (const code of [1000, 1002, 1003, 1007, 1008, 1009, 4400, 4401, 4403, 4404, 4429]) {
        assert.equal(verdict(new SluiceError(code, 'x')).comesBack, false, String(code));
    }
    assert.equal(verdict(new SluiceError(1000, 'heartbeat timeout')).comesBack, true);
    assert.equal(verdict(new SluiceError(1006, 'no fetch', { isFinal: true })).advice, 'report');
});

test('frames to the gateway go at once up to a burst, then at its rate', () => {
    const pace = new Pace();
    assert.deepEqual(range(1, 16).map(() => pace.take(0)), Array(16).fill(0));
    assert.equal(pace.take(0), 125);
    assert.ok(pace.take(124) > 0);
    assert.equal(pace.take(130), 0);
    assert.equal(pace.take(10_000), 0);
    let count = 0;
    for (let now = 20_000; now < 30_000; now += 1) if (pace.take(now) === 0) count += 1;
    assert.ok(count <= 16 + 80, String(count));
});

test('each message once, in order; numbers may be missing', () => {
    const order = placed(3);
    assert.deepEqual(seqsOf(order.take(posted(3, 4, 6))), [4, 6]);
    assert.deepEqual(seqsOf(order.take(posted(5, 6))), []);
    assert.deepEqual(seqsOf(order.take(posted(9))), [9]);
    assert.deepEqual([order.seq, order.gap], [9, null]);
});

test('behind a gap messages are held until history has filled it', () => {
    const order = placed(10);
    assert.equal(order.lag({ since: 10, skippedMessages: 5 }), true);
    assert.deepEqual(order.take(posted(16, 17)), []);
    const request = order.request();
    assert.equal(request.since, 10);
    const { messages, isDone, gap } = order.page(request, pageOf([11, 12, 13, 14, 15, 16]));
    assert.deepEqual([seqsOf(messages), isDone], [range(11, 17), true]);
    assert.deepEqual(gap, { since: 10, loaded: 5, total: 5, done: true, lost: 0 });
    assert.deepEqual(seqsOf(order.take(posted(17, 18))), [18]);
});

test('pages are delivered as they come, and what came live meanwhile only once', () => {
    const order = placed(0);
    order.lag({ since: 0, skippedMessages: 4 });
    assert.deepEqual(seqsOf(order.page(order.request(), pageOf([1, 2], 2)).messages), [1, 2]);
    order.take(posted(5, 6));
    const late = order.page(order.request(), pageOf([3, 4, 5]));
    assert.deepEqual([seqsOf(late.messages), late.isDone, late.gap.loaded], [[3, 4, 5, 6], true, 4]);
});

test('a gap within a gap: history is read on to behind it, and little is held', () => {
    const order = placed(0);
    order.lag({ since: 0, skippedMessages: 9 });
    order.take(posted(10, 11));
    const request = order.request();
    assert.equal(order.lag({ since: 11, skippedMessages: 8 }), false);
    order.take(posted(20, 21));
    // The answer to the earlier request may lack what was posted since, so it is not the last.
    const first = order.page(request, pageOf(range(1, 12)));
    assert.deepEqual([seqsOf(first.messages), first.isDone], [range(1, 12), false]);
    assert.deepEqual(first.gap, { since: 0, loaded: 10, total: 17, done: false, lost: 7 });
    assert.equal(order.request().since, 12);
    const last = order.page(order.request(), pageOf(range(13, 20)));
    assert.deepEqual([seqsOf(last.messages), last.isDone, last.gap.lost], [range(13, 21), true, 0]);
});

test('what history has shown before the gateway skips it is not lost', () => {
    const order = placed(0);
    order.lag({ since: 0, skippedMessages: 5 });
    order.page(order.request(), pageOf(range(1, 50)));
    order.take(posted(6, 7));
    order.lag({ since: 7, skippedMessages: 40 });
    order.take(posted(48));
    assert.deepEqual(order.page(order.request(), pageOf(range(51, 60))).gap, { since: 0, loaded: 45, total: 45, done: false, lost: 0 });
});

test('any number of holes is counted', () => {
    const order = placed(0);
    for (const number of range(0, 199)) {
        order.lag({ since: number * 10, skippedMessages: 9 });
        order.take(posted(number * 10 + 10));
    }
    const { gap } = order.page(order.request(), pageOf(range(1, 1_999)));
    assert.deepEqual([gap.total, gap.lost], [1_800, 0]);
});

test('a page that was made before a gap cannot end the gap, though history had no more then', () => {
    const order = placed(0);
    order.lag({ since: 0, skippedMessages: 2 });
    const request = order.request();
    order.lag({ since: 2, skippedMessages: 2 });
    const first = order.page(request, pageOf([1, 2]));
    assert.deepEqual([first.isDone, first.isShort], [false, true]);
    assert.deepEqual(seqsOf(order.page(order.request(), pageOf([3, 4])).messages), [3, 4]);
});

test('a gap is over with the first live message that no page had', () => {
    const order = placed(0);
    order.lag({ since: 0, skippedMessages: 2 });
    const page = order.page(order.request(), pageOf([1, 2, 3, 4]));
    assert.deepEqual([seqsOf(page.messages), page.isDone], [[1, 2, 3, 4], false]);
    // Live is behind: it brings what history had, so history is asked again for what is to come.
    assert.deepEqual(order.take(posted(3, 4)), []);
    assert.equal(order.request().since, 4);
    assert.deepEqual([seqsOf(order.take(posted(5))), order.gap], [[5], null]);
});

test('a gap behind which nothing comes is over after some pages; live messages that are late put it off', () => {
    const order = placed(0);
    order.lag({ since: 0, skippedMessages: 2 });
    const ask = (...seqs) => order.page(order.request(), pageOf(seqs)).isDone;
    assert.deepEqual([ask(1, 2), ask(), ask()], [false, false, false]);
    order.take(posted(2));
    assert.deepEqual([ask(), ask(), ask()], [false, false, true]);
});

test('what history holds no more is lost, and told', () => {
    const order = placed(0);
    order.lag({ since: 0, skippedMessages: 9 });
    order.take(posted(10));
    const { messages, gap } = order.page(order.request(), pageOf([7, 8, 9]));
    assert.deepEqual([seqsOf(messages), gap.lost, gap.done], [[7, 8, 9, 10], 6, true]);
});

test('more than can be held is read from history instead', () => {
    const order = placed(0);
    order.lag({ since: 0, skippedMessages: 1 });
    const request = order.request();
    order.take(posted(...range(2, 5_003)));
    order.take(posted(5_004));
    const first = order.page(request, pageOf(range(1, 5_003)));
    assert.deepEqual([first.messages.length, first.isDone], [5_003, false]);
    const { messages, isDone } = order.page(order.request(), pageOf([]));
    assert.deepEqual([seqsOf(messages), isDone], [[5_004], true]);
});

test('where gaps are not filled they stay', () => {
    const order = placed(0, false);
    assert.equal(order.lag({ since: 0, skippedMessages: 9 }), false);
    assert.deepEqual(seqsOf(order.take(posted(10))), [10]);
    assert.equal(order.subscribed({ seq: 12, epoch: 'e1', recovered: false }).gap, false);
});

test('a gap begins where the gateway says, if it was further: filters pass over the rest', () => {
    const order = placed(10);
    order.lag({ since: 400, skippedMessages: 3 });
    assert.equal(order.request().since, 400);
});

test('another life of the scan begins anew, and is told', () => {
    const order = placed(50);
    order.lag({ since: 50, skippedMessages: 3 });
    const request = order.request();
    const { change, gap } = order.subscribed({ seq: 7, epoch: 'e2', recovered: false });
    assert.deepEqual([change, gap, order.seq], [{ epoch: 'e2', previous: 'e1' }, true, 0]);
    // The answer of the old life ends nothing of the new one but its own wait.
    assert.deepEqual(order.page(request, pageOf([51, 52])).messages, []);
    assert.deepEqual(seqsOf(order.take(posted(1, 2))), [1, 2]);
});

test('a subscription that was not recovered looks into history, told of a gap or not', () => {
    const order = new Order(5, 'e1');
    assert.equal(order.subscribed({ seq: 9, epoch: 'e1', recovered: false }).gap, true);
    assert.deepEqual(order.take(posted(8, 9)), []);
    const { messages, gap } = order.page(order.request(), pageOf([6, 7]));
    assert.deepEqual(seqsOf(messages), [6, 7, 8, 9]);
    assert.deepEqual([gap.loaded, gap.total, gap.lost], [0, 0, 0]);
});

test('any schedule of losses and pages ends complete and in order', () => {
    for (let seed = 1; seed <= 300; seed += 1) {
        let state = seed;
        const random = (bound) => {
            state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
            return Math.floor((state / 2_147_483_648) * bound);
        };
        const order = placed(0);
        const seen = [];
        let [head, request, snapshot] = [0, null, 0];
        const answer = () => {
            if (!request) return;
            const seqs = range(request.since + 1, snapshot).slice(0, 7);
            const isLast = (seqs.at(-1) ?? request.since) >= snapshot;
            seen.push(...seqsOf(order.page(request, pageOf(seqs, isLast ? null : seqs.at(-1))).messages));
            request = null;
        };
        for (let step = 0; step < 200; step += 1) {
            const count = 1 + random(9);
            if (random(3) === 0) order.lag({ since: head, skippedMessages: count });
            else seen.push(...seqsOf(order.take(posted(...range(head + 1, head + count)))));
            head += count;
            if (request && random(2)) answer();
            if (!request && order.gap) [request, snapshot] = [order.request(), head];
        }
        while (request || order.gap) {
            answer();
            if (order.gap) [request, snapshot] = [order.request(), head];
        }
        assert.deepEqual(seen, range(1, head), `seed ${seed}`);
    }
});

test('a reader takes what is kept, in order', () => {
    const backlog = new Backlog(4);
    backlog.push(posted(5, 6));
    assert.deepEqual([backlog.shift().seq, backlog.shift().seq, backlog.shift()], [5, 6, undefined]);
    assert.equal(backlog.isBehind, false);
});

test('a reader that is too slow reads the rest from history, and then goes on live', () => {
    const backlog = new Backlog(0);
    backlog.push(posted(...range(1, 9_999)));
    const taken = [backlog.shift().seq];
    backlog.push(posted(...range(10_000, 20_000)));
    assert.equal(backlog.isBehind, true);
    backlog.push(posted(20_001));
    for (let message; (message = backlog.shift());) taken.push(message.seq);
    assert.deepEqual(taken, range(1, 9_999));
    let head = 20_001;
    while (backlog.isBehind) {
        const { since } = backlog.request();
        // Something comes while the page is on its way; it is in the page, too.
        backlog.push(posted(head += 1));
        const last = Math.min(since + 1_000, head);
        backlog.page({ messages: posted(...range(since + 1, last)), next: last < head ? last : null });
        for (let message; (message = backlog.shift());) taken.push(message.seq);
    }
    backlog.push(posted(head + 1));
    taken.push(backlog.shift().seq);
    assert.deepEqual(taken, range(1, head + 1));
});

test('a reader of an old life takes the rest of it, and then the new one from its beginning', () => {
    const backlog = new Backlog(0);
    backlog.push(posted(7, 8));
    backlog.restart();
    backlog.push(posted(1));
    assert.deepEqual([backlog.shift().seq, backlog.shift().seq], [7, 8]);
    assert.equal(backlog.last, 0);
    assert.equal(backlog.shift().seq, 1);
    assert.equal(backlog.last, 1);
});
