import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const load = (name) => import(join(process.env.CONSOLE_FILES, 'console/model', `${name}.js`));
const [{ Coverage }, { ScanStore }, { Selection }, filters, { readRow }, { Timeline, snapped }, { HostTree, compareHosts }, { Facets }, { LEVELS }] = await Promise.all(
    ['coverage', 'scan-store', 'selection', 'filters', 'finding', 'timeline', 'hosts', 'facets', 'severity'].map(load));

/** Random numbers that are the same for the same seed. */
function random(seed) {
    let state = seed;
    return (limit) => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return Math.floor(state / 2 ** 32 * limit);
    };
}

const message = (seq, more = {}) => ({ seq, scanId: 'a', type: 'vulnerabilityFound', severity: 'low', name: `finding ${seq}`, target: `10.0.0.${seq % 7}`, ...more });

test('what is covered is intervals, joined where they touch', () => {
    const coverage = new Coverage();
    coverage.add(5, 7);
    coverage.add(10, 12);
    assert.deepEqual(coverage.gaps(14), [[1, 4], [8, 9], [13, 14]]);
    assert.deepEqual(coverage.gaps(8), [[1, 4], [8, 8]]);
    coverage.add(8, 9);
    assert.deepEqual(coverage.gaps(12), [[1, 4]]);
    coverage.add(1, 3);
    coverage.add(4, 4);
    assert.deepEqual([coverage.gaps(12), coverage.count(10), coverage.has(12), coverage.has(13)], [[], 10, true, false]);
    coverage.add(9, 3);
    assert.equal(coverage.count(100), 12);
});

test('coverage is the same as a set of numbers, whatever comes in whatever order', () => {
    for (let seed = 1; seed <= 50; seed += 1) {
        const next = random(seed);
        const [coverage, known] = [new Coverage(), new Set()];
        for (let step = 0; step < 40; step += 1) {
            const first = 1 + next(60);
            const last = first + next(12);
            coverage.add(first, last);
            for (let seq = first; seq <= last; seq += 1) known.add(seq);
        }
        const missing = coverage.gaps(80).flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, index) => first + index));
        assert.deepEqual(missing, Array.from({ length: 80 }, (_, index) => index + 1).filter((seq) => !known.has(seq)), `seed ${seed}`);
        assert.equal(coverage.count(80), known.size);
    }
});

test('rows stand in order and once, and lists of them are what their question says, in whatever order they come', () => {
    for (let seed = 1; seed <= 40; seed += 1) {
        const next = random(seed);
        const store = new ScanStore();
        const wants = (row) => row.rank <= 2;
        const selection = new Selection(store, wants);
        store.onRows = (fresh, dropped) => selection.take(fresh, dropped);
        const all = Array.from({ length: 400 }, (_, index) => message(index + 1, { severity: ['critical', 'high', 'medium', 'low', 'info'][next(5)] }));
        for (let step = 0; step < 120; step += 1) {
            const start = next(390);
            store.add(all.slice(start, start + 1 + next(30)));
            if (next(3) === 0) selection.step(1 + next(60));
            if (next(25) === 0) selection.ask((row) => wants(row));
        }
        store.add(all);
        while (!selection.step(50));
        assert.deepEqual(store.rows.map((row) => row.seq), all.map(({ seq }) => seq), `seed ${seed}`);
        const expected = store.rows.filter(wants).reverse();
        assert.deepEqual(selection.all(), expected, `seed ${seed}`);
        assert.ok(expected.every((row, index) => selection.at(index) === row && selection.indexOf(row) === index));
        assert.equal(store.ranks.reduce((sum, number) => sum + number), 400);
    }
});

test('a list in another order is the worst first, and a new question shows the old answer until it is complete', () => {
    const store = new ScanStore();
    store.add([message(1, { severity: 'low' }), message(2, { severity: 'critical', cvss: 9.1 }), message(3, { severity: 'critical', cvss: 10 }), message(4, { severity: 'info' })]);
    const selection = new Selection(store, () => true, 'severity');
    assert.ok(selection.step());
    assert.deepEqual(selection.all().map(({ seq }) => seq), [3, 2, 1, 4]);
    selection.ask((row) => row.rank === 0, 'oldest');
    assert.equal(selection.length, 4);
    assert.equal(selection.step(1), false);
    assert.equal(selection.length, 4);
    while (!selection.step(1));
    assert.deepEqual(selection.all().map(({ seq }) => seq), [2, 3]);
});

test('a store holds so many rows and no more: lines of output leave first', () => {
    const store = new ScanStore({ rowLimit: 100 });
    let dropped = 0;
    store.onRows = (_, gone) => { dropped += gone?.size ?? 0; };
    store.add(Array.from({ length: 80 }, (_, index) => message(index + 1, index % 2 ? { type: 'line', text: 'x' } : {})));
    store.add(Array.from({ length: 40 }, (_, index) => message(index + 81)));
    assert.equal(store.rows.length, 95);
    assert.deepEqual([dropped, store.droppedCount, store.outputCount, store.findingCount], [25, 25, 15, 80]);
    assert.equal(store.row(2), null);
    assert.equal(store.row(1).seq, 1);
});

test('another life of a scan forgets the one before', () => {
    const store = new ScanStore();
    let resets = 0;
    store.onReset = () => { resets += 1; };
    store.reset('one');
    store.add([message(7)]);
    store.reset('two');
    assert.deepEqual([store.rows, store.head, store.findingCount, store.epoch, resets], [[], 0, 0, 'two', 2]);
});

test('phases come from messages in their order, also where history comes late; percent decides nothing', () => {
    const story = [
        { seq: 1, type: 'scanStarted' }, { seq: 2, type: 'phaseStarted', phase: 'ping' }, { seq: 3, type: 'scanProgress', phase: 'ping', percent: 100 },
        { seq: 4, type: 'phaseStarted', phase: 'ports' }, { seq: 5, type: 'scanProgress', phase: 'ports', percent: 250, remaining: 60 },
    ];
    const times = [0, 1_000, 2_000, 3_000, 4_000];
    const orders = [[story, times], [story.slice(3), times.slice(3), story.slice(0, 3), times.slice(0, 3)]];
    for (const [first, firstTimes, second = [], secondTimes = []] of orders) {
        const store = new ScanStore();
        store.add(first, firstTimes);
        store.add(second, secondTimes);
        const { phases } = store;
        assert.deepEqual(phases.list.map(({ name, startedAt, endedAt, percent }) => [name, startedAt, endedAt, percent]), [['ping', 1_000, 3_000, 100], ['ports', 3_000, null, 100]]);
        assert.deepEqual([phases.outcome, phases.current.name, phases.remaining(14_000)], ['running', 'ports', 50]);
        store.add([{ seq: 6, type: 'error', message: 'no \u202eroute' }], [9_000]);
        assert.deepEqual([store.phases.outcome, store.phases.error, store.phases.endedAt, store.phases.current], ['failed', 'no \\u202eroute', 9_000, null]);
        store.add([message(7)], [10_000]);
        assert.equal(store.phases.outcome, 'running');
    }
});

test('silence is noted, and ends with the next message', () => {
    const store = new ScanStore();
    store.add([message(1)], [1_000]);
    store.stalled(61_000);
    store.stalled(62_000);
    assert.ok(store.isStalled);
    store.add([message(2)], [90_000]);
    assert.deepEqual([store.isStalled, store.stalls], [false, [{ from: 61_000, to: 90_000 }]]);
});

test('filters stand in an address and come back', () => {
    const query = new URLSearchParams('severity=critical&severity=unrated&severity=odd&type=a&type=b%2Cc&host=h&q=x%20y&from=10&to=20&port=443&tag=t');
    const read = filters.readFilters(query);
    assert.deepEqual(read, { ranks: [0, 5], type: ['a', 'b,c'], host: ['h'], port: ['443'], tag: ['t'], q: 'x y', from: 10, to: 20 });
    const written = new URLSearchParams();
    filters.writeFilters(read, written);
    assert.deepEqual(filters.readFilters(written), read);
    assert.ok(filters.isEmpty(filters.readFilters(new URLSearchParams('from=20&to=10&severity=x'))));
    assert.deepEqual(filters.toggled(filters.toggled(read, 'host', 'g'), 'host', 'h').host, ['g']);
});

test('a filter asks for all of its kinds, and for one of each', () => {
    const row = readRow(message(3, { severity: 'high', port: 443, tags: ['tls'], name: 'Weak ÄPFEL' }), 15);
    const asks = (change) => filters.predicate({ ...filters.none(), ...change })(row);
    assert.ok(asks({}) && asks({ ranks: [1, 2], host: ['10.0.0.3'], port: ['443'], tag: ['x', 'tls'], q: 'äpfel weak', from: 15, to: 16 }));
    for (const change of [{ ranks: [0] }, { type: ['x'] }, { host: ['10.0.0.4'] }, { port: ['80'] }, { tag: ['x'] }, { q: 'weak birnen' }, { from: 0, to: 15 }]) assert.ok(!asks(change), JSON.stringify(change));
});

test('a timeline counts by time and severity, in bars of a round length, and knows silences', () => {
    const timeline = new Timeline();
    const at = (minutes) => 1_700_000_040_000 + minutes * 60_000;
    timeline.take([readRow(message(1, { severity: 'critical' }), at(0)), readRow(message(2), at(0) + 59_000), readRow({ seq: 3, type: 'line', text: 'x' }, at(20)), readRow(message(4), at(20) + 1), readRow(message(5), null)]);
    const chart = timeline.bars(at(0), at(40), 100);
    assert.deepEqual([chart.stepMs, chart.bars.length, chart.highest], [60_000, 40, 2]);
    assert.deepEqual(chart.bars[0].counts, [1, 0, 0, 1, 0, 0]);
    assert.equal(chart.bars.reduce((sum, bar) => sum + bar.total, 0), 3);
    assert.equal(timeline.silences(at(30)).length, 2);
    assert.ok(timeline.bars(at(0), at(0) + 400 * 86_400_000, 120).bars.length <= 120);
    const long = new Timeline();
    long.take(Array.from({ length: 50_000 }, (_, index) => readRow(message(index + 1), at(0) + index * 2_000)));
    const days = long.bars(at(0), at(0) + 100_000_000, 120);
    assert.equal(days.bars.reduce((sum, bar) => sum + bar.total, 0), 50_000);
    const [from, to] = snapped(chart, 0.375, 0.3075);
    assert.deepEqual([(from - chart.from) / 60_000, (to - chart.from) / 60_000], [12, 15]);
    assert.deepEqual(snapped(chart, -3, -2), [chart.from, chart.from + 60_000]);
});

test('hosts are a tree, the worst first, addresses by number', () => {
    const tree = new HostTree();
    const rows = [
        { seq: 1, type: 'hostDiscovered', ip: '10.0.0.10', hostname: 'db' }, { seq: 2, type: 'hostDiscovered', ip: '10.0.0.9' },
        { seq: 3, type: 'portFound', ip: '10.0.0.10', port: 443, protocol: 'tcp', service: 'https' },
        { seq: 4, type: 'serviceDetected', ip: '10.0.0.10', port: 443, protocol: 'tcp', product: 'nginx', version: '1.24' },
        message(5, { target: 'https://10.0.0.9:8443/x', ip: '10.0.0.9', port: 8443, severity: 'critical' }), message(6, { target: '10.0.0.10', severity: 'low' }),
    ];
    tree.take(rows.map((row) => readRow(row, 0)));
    assert.deepEqual(tree.lines(() => false).map((line) => line.host.name), ['10.0.0.9', '10.0.0.10']);
    const lines = tree.lines(() => true).map((line) => line.key);
    assert.deepEqual(lines, ['h 10.0.0.9', 'p 10.0.0.9 8443/tcp', 'f 5', 'h 10.0.0.10', 'f 6', 'p 10.0.0.10 443/tcp']);
    const { also, ports } = tree.hosts.get('10.0.0.10');
    assert.deepEqual([also, ports.get('443/tcp').service, ports.get('443/tcp').product], ['db', 'https', 'nginx 1.24']);
    assert.deepEqual(tree.lines(() => false, (row) => row.rank === 0).map((line) => line.key), ['h 10.0.0.9']);
    assert.ok(compareHosts('10.0.0.9', '10.0.0.10') < 0 && compareHosts('10.0.0.9', 'a') < 0 && compareHosts('b', 'a') > 0);
});

test('facets count what findings have in common, the most frequent first, and keep what is chosen', () => {
    const facets = new Facets();
    facets.take([readRow(message(1, { tags: 'a, b' }), 0), readRow(message(8, { tags: ['a'] }), 0), readRow({ seq: 3, type: 'line', text: '10.0.0.1' }, 0)]);
    assert.deepEqual(facets.top('tag', 1).values, [['a', 2]]);
    assert.deepEqual(facets.top('tag', 1, ['zz']).values, [['a', 2], ['zz', 0]]);
    assert.deepEqual(facets.top('host', 9).values, [['10.0.0.1', 2]]);
    assert.deepEqual([facets.top('type', 9).isAll, facets.top('type', 1).isAll], [true, false]);
    // What a page had to drop is not counted: a click on a value lists as many as it says.
    const store = new ScanStore({ rowLimit: 10 });
    const kept = new Facets();
    store.onRows = (fresh, dropped) => kept.update(fresh, dropped ? store.rows : null);
    for (let seq = 1; seq <= 30; seq += 1) store.add([message(seq, { tags: ['a'] })], [0]);
    assert.ok(store.droppedCount > 0);
    assert.deepEqual(kept.top('tag', 9).values, [['a', store.rows.length]]);
});

/** The gateway counts by the same rules: its tests read these cases, too. */
const cases = JSON.parse(readFileSync(new URL('findings.json', import.meta.url), 'utf8'));
for (const [index, { message: said, finding }] of cases.entries()) {
    test(`what is read of a message: case ${index}, ${JSON.stringify(said).slice(0, 80)}`, () => {
        const { isFinding, rank, host, port, tags } = readRow({ seq: 1, scanId: 'a', ...said }, null);
        assert.equal(isFinding, finding !== null);
        if (finding !== null) assert.deepEqual({ severity: [...LEVELS, 'unrated'][rank], host, port, tags }, finding);
    });
}
