/**
 * The console's page: who is looking, the list of scans, and the live view of one.
 *
 * What messages say reaches the page as text only. Rows are drawn once a frame of the screen, however fast they come.
 */
import { SluiceClient } from './client.js';
import {
    duration, OTHER_TYPES, plain, readFragment, ROW_LIMIT, ScanModel, shown, tokenFacts,
} from './console-model.js';

const BASE = new URL('.', location.href).href;
const TOKEN_KEY = 'sluice.token';
const [POLL_MS, SEARCH_MS] = [2_000, 300];
const LISTED_SCANS = 200;
/** How long a scan that does not exist yet is waited for, in seconds. */
const WAIT = 300;
const CRITICAL = new Set(['scanStarted', 'phaseStarted', 'scanCompleted', 'error']);
const ENDINGS = {
    'new-token': 'the token is no longer accepted',
    'ask-for-access': 'not allowed',
    'check-scan': 'no such scan',
    'close-others': 'closed in favour of a newer connection',
};

const at = (id) => document.getElementById(id);
const number = new Intl.NumberFormat();

let token = null;
let client = null;
let model = null;
let modelEpoch;
let stats = [];
/** How many scans the gateway found; null while it has said nothing. */
let found = null;
let [pollTimer, polls] = [undefined, 0];

// Small helpers

function write(element, text) {
    if (element.textContent !== text) element.textContent = text;
}

function make(tag, className, text = '') {
    const element = document.createElement(tag);
    element.className = className;
    element.textContent = text;
    return element;
}

function badge(element, text, mood = '') {
    write(element, text);
    element.className = `badge ${mood}`;
}

/** Makes the children of `parent` these, and leaves alone those that stand right: the focus stays where it is. */
function arrange(parent, children) {
    children.forEach((child, index) => {
        if (parent.children[index] !== child) parent.insertBefore(child, parent.children[index] ?? null);
    });
    while (parent.children.length > children.length) parent.lastElementChild.remove();
}

/** Elements by key, made when first asked for; `keep` forgets the others. */
class Elements {
    #known = new Map();

    constructor(create) {
        this.create = create;
    }

    get(key) {
        if (!this.#known.has(key)) this.#known.set(key, this.create(key));
        return this.#known.get(key);
    }

    keep(keys) {
        for (const key of this.#known.keys()) if (!keys.has(key)) this.#known.delete(key);
    }
}

// Who is looking

function stored(change) {
    try {
        return change(sessionStorage);
    } catch {
        return null; // Storage may be forbidden; then the token is asked for each time.
    }
}

function signIn(newToken, isKept) {
    token = newToken || null;
    stored((storage) => (token && isKept ? storage.setItem(TOKEN_KEY, token) : storage.removeItem(TOKEN_KEY)));
    at('token').value = '';
    write(at('sign-in-note'), '');
    showIdentity();
    poll();
    if (!client) return;
    if (!token) client.close();
    else if (client.state === 'closed') follow(client.scanId);
    else client.refresh(token).then((answer) => {
        if (answer?.type === 'error') askForToken(`The gateway did not take it: ${shown(answer.message ?? answer.code)}`);
    });
}

function showIdentity() {
    const facts = token && tokenFacts(token);
    const left = facts?.expiresAt ? (facts.expiresAt - Date.now()) / 1000 : null;
    const coarse = left > 120 ? Math.floor(left / 60) * 60 : left;
    const until = left === null ? '' : left > 0 ? `, ${duration(coarse)} left` : ', expired';
    write(at('identity'), token ? `${facts?.subject ?? 'Signed in'}${until}` : 'Sign in');
}

function openSignIn(isOpen) {
    at('sign-in').hidden = !isOpen;
    at('identity').setAttribute('aria-expanded', String(isOpen));
}

function askForToken(why) {
    openSignIn(true);
    write(at('sign-in-note'), why);
}

// The list of scans

async function poll() {
    clearTimeout(pollTimer);
    const turn = ++polls;
    let pause = POLL_MS;
    if (!document.hidden) {
        try {
            const headers = token ? { Authorization: `Bearer ${token}` } : {};
            const wanted = wantedScan();
            const query = new URLSearchParams({ limit: LISTED_SCANS, sort: '-last_message', q: wanted });
            const response = await fetch(`${BASE}api/scans/stats?${query}`, { headers, cache: 'no-store' });
            if (response.ok) {
                const answer = await response.json();
                if (turn === polls) showStats(answer, wanted === '');
            } else if (response.status === 401) {
                showStats(null);
                askForToken(token ? 'The gateway does not accept this token.' : 'Enter a token to see its scans.');
                return; // Asking again with the same token would only be refused again.
            } else {
                pause = Math.max(pause, (Number.parseInt(response.headers.get('Retry-After'), 10) || 5) * 1000);
                write(at('scans-note'), `The list could not be read (${response.status}).`);
            }
        } catch {
            write(at('scans-note'), 'The gateway does not answer.');
        }
    }
    // Whoever asked again meanwhile goes on with that.
    if (turn === polls) pollTimer = setTimeout(poll, pause);
}

/** Shows what the gateway says of its scans; null: it says nothing. Of some of them it says no totals. */
function showStats(answer, isOfAll = true) {
    found = answer && (answer.total_scans ?? 0);
    stats = Array.isArray(answer?.scans) ? answer.scans : [];
    for (const [id, field] of [['scans', 'total_scans'], ['running', 'running_scans'], ['messages', 'total_messages']]) {
        if (isOfAll) write(at(`total-${id}`), answer ? number.format(answer[field] ?? 0) : '–');
    }
    showScans();
}

function wantedScan() {
    return at('scan-id').value.trim().toLowerCase().slice(0, 60);
}

const scanItems = new Elements((id) => {
    const [item, button] = [make('li', ''), make('button', '')];
    button.type = 'button';
    button.append(make('span', 'name', shown(id)), make('span', 'dot'), make('span', 'faint'));
    button.addEventListener('click', () => follow(id));
    item.append(button);
    return item;
});

function showScans() {
    const wanted = wantedScan();
    const listed = stats
        .filter((scan) => [scan.scan_id, scan.name ?? ''].some((text) => text.toLowerCase().includes(wanted)))
        .sort((a, b) => Number(a.is_completed) - Number(b.is_completed));
    arrange(at('scans'), listed.map((scan) => {
        const item = scanItems.get(scan.scan_id);
        const [name, dot, facts] = item.firstElementChild.children;
        const state = ['running', 'stalled', 'completed', 'failed'].find((name) => name === scan.outcome) ?? '';
        const phase = scan.phase === null ? '' : ` ${shown(scan.phase, 40)}`;
        const percent = scan.percent === null ? '' : ` ${Math.floor(scan.percent)} %`;
        const progress = scan.is_completed ? '' : phase + percent;
        write(name, shown(scan.name || scan.scan_id, 128));
        name.title = shown(scan.scan_id);
        dot.className = `dot ${state}`;
        write(facts, `${state}${progress}, ${number.format(scan.message_count)} messages, ${duration(scan.elapsed_time)}`);
        facts.title = scan.error === null ? '' : shown(scan.error);
        item.firstElementChild.setAttribute('aria-current', String(scan.scan_id === client?.scanId));
        return item;
    }));
    scanItems.keep(new Set(listed.map((scan) => scan.scan_id)));
    const rest = (found ?? 0) - stats.length;
    const none = found !== null && listed.length === 0 ? 'None.' : '';
    write(at('scans-note'), rest > 0 ? `and ${number.format(rest)} more: find them by id or name` : none);
}

// One scan

function follow(scanId) {
    let next;
    try {
        next = new SluiceClient({
            url: BASE, scanId, since: 0, wait: WAIT, token: token ?? undefined,
            onBatch: (messages) => client === next && take(messages),
            onLag: (lag) => client === next && (model.addLag(lag, new Date()), draw()),
            onState: (state) => client === next && showConnection(state),
            onNotice: (notice) => client === next && heed(notice),
        });
    } catch (error) {
        return write(at('scans-note'), error.message);
    }
    client?.close();
    client = next;
    startOver();
    history.replaceState(null, '', `#scan=${encodeURIComponent(scanId)}`);
    [at('empty').hidden, at('scan').hidden] = [true, false];
    write(at('scan-title'), scanId);
    showScans();
    client.open();
}

/** Forgets what was seen: another scan, or another life of the same one. */
function startOver() {
    model = new ScanModel();
    modelEpoch = undefined;
    view.types.clear();
    view.isPaused = false;
    at('pause').setAttribute('aria-pressed', 'false');
    inspect(null);
    redraw();
}

function take(messages) {
    model.add(messages, performance.now());
    draw();
}

function heed(notice) {
    if (notice.type === 'scanStalled') model.isStalled = true;
    if (notice.type === 'scanResumed') model.isStalled = false;
    if (notice.type === 'tokenExpiring') askForToken('This token ends within a minute: enter a new one to go on.');
    draw();
}

function showConnection({ state, transport, inMs, code, reason, advice }) {
    at('again').hidden = state !== 'closed';
    const way = transport === 'sse' ? ', by event stream' : '';
    if (state === 'live') {
        if (modelEpoch !== undefined && modelEpoch !== client.epoch) startOver();
        modelEpoch = client.epoch;
        badge(at('connection'), `live${way}`, 'good');
    } else if (state === 'reconnecting') {
        badge(at('connection'), `lost (${code}), again in ${duration(inMs / 1000)}`, 'warn');
    } else if (state === 'closed') {
        badge(at('connection'), `closed: ${ENDINGS[advice] ?? shown(reason || String(code))}`, advice === 'done' ? '' : 'bad');
        if (advice === 'new-token') askForToken('The gateway no longer accepts the token: enter a new one.');
        const ended = client;
        // The page was asleep for too long, and only that.
        if (advice === 'reconnect') setTimeout(() => client === ended && client.open(), 1_000);
    } else {
        badge(at('connection'), state === 'open' ? 'waiting for the scan' : 'connecting');
    }
    draw();
}

// Drawing

const view = { ring: 'findings', search: '', types: new Set(), isPaused: false, drawn: 0, lag: null, isDue: false };
const rowItems = new WeakMap();

function draw() {
    if (view.isDue || !model) return;
    view.isDue = true;
    requestAnimationFrame(() => {
        view.isDue = false;
        drawFacts();
        drawPhases();
        drawTypes();
        drawLags();
        drawRows();
    });
}

/** Draws the rows anew: another view or filter. */
function redraw() {
    view.drawn = 0;
    at('rows').replaceChildren();
    draw();
}

function drawFacts() {
    write(at('received'), number.format(model.received));
    write(at('per-second'), number.format(Math.round(model.rate(performance.now()) * 10) / 10));
    write(at('seq'), client.seq ? String(client.seq) : '–');
    write(at('skipped'), number.format(model.skipped));
    write(at('epoch'), client.epoch ? shown(client.epoch, 40) : '–');
    const mood = { completed: 'good', failed: 'bad' }[model.outcome] ?? (model.isStalled ? 'warn' : '');
    badge(at('outcome'), model.isStalled && model.outcome === 'running' ? 'stalled' : model.outcome ?? '', mood);
    const percent = model.percent === null ? '' : `${Math.floor(model.percent)} % `;
    document.title = `${percent}${client.scanId} · Sluice`;
}

const phaseItems = new Elements((name) => {
    const [item, bar] = [make('li', ''), make('progress', '')];
    bar.max = 100;
    bar.setAttribute('aria-label', name);
    item.append(make('span', 'name', name), make('span', 'percent'), bar);
    return item;
});

function drawPhases() {
    const names = [...model.phases.keys()];
    arrange(at('phases'), names.map((name) => {
        const { percent, isDone } = model.phases.get(name);
        const item = phaseItems.get(name);
        const [, label, bar] = item.children;
        const isCurrent = name === model.phase && model.outcome === 'running';
        item.className = isCurrent ? 'current' : '';
        write(label, isDone ? 'done' : percent === null ? '' : `${percent.toFixed(1)} %`);
        // Without a value the bar would move for ever, which only the current phase may.
        if (percent === null && !isDone && isCurrent) bar.removeAttribute('value');
        else bar.value = isDone ? 100 : percent ?? 0;
        return item;
    }));
    phaseItems.keep(new Set(names));
}

const typeItems = new Elements((type) => {
    const button = make('button', '', `${type} `);
    button.type = 'button';
    button.append(make('span', 'count'));
    button.addEventListener('click', () => {
        if (!view.types.delete(type)) view.types.add(type);
        redraw();
    });
    return button;
});

function drawTypes() {
    const types = [...model.counts.keys()];
    arrange(at('types'), types.map((type) => {
        const button = typeItems.get(type);
        write(button.lastElementChild, number.format(model.counts.get(type)));
        button.setAttribute('aria-pressed', String(view.types.has(type)));
        button.disabled = type === OTHER_TYPES;
        return button;
    }));
    typeItems.keep(new Set(types));
}

function drawLags() {
    at('lags').hidden = model.lags.length === 0;
    if (view.lag === model.lags[0]) return;
    view.lag = model.lags[0];
    const many = model.skipped === 1 ? '1 message was' : `${number.format(model.skipped)} messages were`;
    write(at('lag-summary'), `${many} skipped on the way here`);
    at('lag-list').replaceChildren(...model.lags.map(({ skippedMessages, since, reason, at: time }) =>
        make('li', '', `${time.toLocaleTimeString()}: ${shown(skippedMessages)} after #${shown(since)} (${shown(reason)})`)));
}

function isWanted(row) {
    if (view.types.size > 0 && !view.types.has(row.type)) return false;
    return `${row.type} ${row.target} ${row.detail}`.toLowerCase().includes(view.search);
}

function drawRows() {
    // Types that were chosen are wanted wherever they stand, so also those that are no findings.
    const ring = view.ring === 'findings' && view.types.size === 0 ? model.findings : model.messages;
    if (view.isPaused && view.drawn > 0) {
        const waiting = ring.last - view.drawn;
        return write(at('row-note'), `paused${waiting > 0 ? `, ${number.format(waiting)} more` : ''}`);
    }
    const rows = ring.after(view.drawn).filter(isWanted).map(makeRow).reverse();
    view.drawn = ring.last;
    at('rows').prepend(...rows);
    while (at('rows').children.length > ROW_LIMIT) at('rows').lastElementChild.remove();
    at('no-rows').hidden = at('rows').children.length > 0;
    write(at('row-note'), ring.last > ROW_LIMIT ? `out of the latest ${ROW_LIMIT}` : '');
}

function makeRow(item) {
    const row = make('tr', item.message.type === 'error' ? 'error' : CRITICAL.has(item.message.type) ? 'critical' : '');
    const open = make('button', '', String(item.seq));
    open.type = 'button';
    open.setAttribute('aria-label', `Message ${item.seq}`);
    const first = make('td', '');
    first.append(open);
    row.append(first, make('td', '', item.type), make('td', '', item.target), make('td', '', item.detail));
    rowItems.set(row, item);
    return row;
}

// One message

function inspect(row) {
    at('rows').querySelector('.chosen')?.classList.remove('chosen');
    row?.classList.add('chosen');
    at('inspector').hidden = row === null;
    const item = row && rowItems.get(row);
    write(at('inspector-title'), item ? `Message ${item.seq}` : '');
    write(at('raw'), item ? plain(JSON.stringify(item.message, null, 2)) : '');
}

// What a person does

function listen() {
    at('sign-in').addEventListener('submit', (event) => {
        event.preventDefault();
        const entered = at('token').value.trim();
        if (entered) signIn(entered, at('remember').checked);
        if (entered) openSignIn(false);
    });
    at('forget').addEventListener('click', () => signIn(null, false));
    at('identity').addEventListener('click', () => openSignIn(at('sign-in').hidden));
    at('scan-id').addEventListener('input', () => {
        showScans();
        clearTimeout(pollTimer);
        pollTimer = setTimeout(poll, SEARCH_MS);
    });
    at('follow').addEventListener('submit', (event) => {
        event.preventDefault();
        const entered = at('scan-id').value.trim();
        at('scan-id').value = '';
        if (entered) follow(entered);
        poll();
    });
    at('again').addEventListener('click', () => follow(client.scanId));
    for (const ring of ['findings', 'messages']) {
        at(`view-${ring}`).addEventListener('click', () => {
            view.ring = ring;
            for (const other of ['findings', 'messages']) {
                at(`view-${other}`).setAttribute('aria-pressed', String(other === ring));
            }
            redraw();
        });
    }
    at('search').addEventListener('input', () => {
        view.search = at('search').value.toLowerCase();
        redraw();
    });
    at('pause').addEventListener('click', () => {
        view.isPaused = !view.isPaused;
        at('pause').setAttribute('aria-pressed', String(view.isPaused));
        draw();
    });
    at('delivery').addEventListener('submit', setDelivery);
    at('rows').addEventListener('click', (event) => {
        const row = event.target.closest('tr');
        if (row && getSelection().isCollapsed) inspect(row);
    });
    at('inspector-close').addEventListener('click', () => inspect(null));
    at('copy').addEventListener('click', () => navigator.clipboard?.writeText(at('raw').textContent));
    document.addEventListener('visibilitychange', () => document.hidden || (poll(), draw()));
    addEventListener('hashchange', readAddress);
    setInterval(() => (showIdentity(), draw()), 1_000);
}

async function setDelivery(event) {
    event.preventDefault();
    const types = at('filters').value.split(',').map((type) => type.trim()).filter(Boolean);
    const rate = Number.parseFloat(at('rate').value);
    const answers = [await client.setFilters(types)];
    if (rate > 0) answers.push(await client.setRate(rate));
    const refused = answers.find((answer) => answer?.type === 'error');
    write(at('delivery-note'), refused ? shown(refused.message ?? refused.code) : 'Set.');
}

/** A token in the address is taken and removed at once: addresses are copied, logged and remembered. */
function readAddress() {
    const { token: given, scan } = readFragment(location.hash);
    if (given !== null) {
        history.replaceState(null, '', scan ? `#scan=${encodeURIComponent(scan)}` : location.pathname);
        signIn(given.trim(), false);
        openSignIn(false);
    }
    if (scan && (scan !== client?.scanId || client.state === 'closed')) follow(scan);
}

listen();
token = stored((storage) => storage.getItem(TOKEN_KEY));
at('remember').checked = token !== null;
openSignIn(token === null);
showIdentity();
readAddress();
poll();
