/**
 * What the console knows of a scan, folded from its messages. No page in here: numbers, texts and bounded lists.
 * Whatever a scanner posted is hostile: it is text to be shown, and every collection has a limit.
 */

/** How many rows a table keeps, the newest ones. */
export const ROW_LIMIT = 500;
const PHASE_LIMIT = 40;
const TYPE_LIMIT = 60;
/** Stands for the types beyond the limit. */
export const OTHER_TYPES = '…';
const LAG_LIMIT = 50;
const TEXT_LIMIT = 400;
const RATE_WINDOW_MS = 5_000;
/** Messages about the scan itself, and lines of output: shown among the messages, but no findings. */
const NO_FINDINGS = new Set([
    'scanStarted', 'phaseStarted', 'scanProgress', 'progress', 'stats', 'scanCompleted', 'line', 'output', 'log',
]);
/** Fields that say what a finding is about, the best one first. */
const TARGET_FIELDS = ['url', 'matched', 'target', 'host', 'ip', 'hostname', 'address', 'domain', 'path'];
/** Fields that are shown elsewhere in the row. */
const OWN_FIELDS = new Set(['seq', 'scanId', 'type']);

/** Text with the characters written out that would move or hide others: controls, and marks of direction. */
export function plain(text) {
    return text.replace(/[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g, (character) =>
        `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Any value as one line of text for the eye, cut to a length. */
export function shown(value, limit = TEXT_LIMIT) {
    const text = typeof value === 'string' ? value : JSON.stringify(value) ?? '';
    return plain((text.length > limit ? `${text.slice(0, limit)}…` : text).replace(/[\n\t]/g, ' '));
}

/** Whether a text is a host and no more: an address with a path or a port of its own is whole as it is. */
const isBareHost = (text) => !/[/[]|^[^:]*:\d*$/.test(text);

/** What a message is about, and what else it says, in one line each. */
export function describe(message) {
    const field = TARGET_FIELDS.find((name) => typeof message[name] === 'string' && message[name] !== '');
    const used = new Set(field ? [field] : []);
    let target = field ? message[field] : '';
    if (field && ['string', 'number'].includes(typeof message.port) && isBareHost(target)) {
        used.add('port').add('protocol');
        target += `:${message.port}${typeof message.protocol === 'string' ? `/${message.protocol}` : ''}`;
    }
    const detail = [];
    for (const [name, value] of Object.entries(message)) {
        if (OWN_FIELDS.has(name) || used.has(name) || value === null || value === '') continue;
        // Ten digits are what a person reads of 37.699999999999996.
        const said = typeof value === 'number' ? Number(value.toPrecision(10)) : value;
        detail.push(`${shown(name, 40)}: ${shown(said, 160)}`);
        if (detail.length === 12) break;
    }
    return { target: shown(target), detail: detail.join('  ·  ') };
}

/** The newest items of a list, each with a number that rises for ever. */
export class Ring {
    #items = [];
    /** The number of the newest item. */
    last = 0;

    push(item) {
        this.last += 1;
        this.#items.push({ ...item, number: this.last });
        // Cut now and then instead of every time: a shift of 500 items a message adds up.
        if (this.#items.length >= ROW_LIMIT * 2) this.#items = this.#items.slice(-ROW_LIMIT);
    }

    /** The items after a number, oldest first, at most `ROW_LIMIT`. */
    after(number) {
        const fresh = Math.min(this.last - number, this.#items.length, ROW_LIMIT);
        return fresh > 0 ? this.#items.slice(-fresh) : [];
    }
}

/** One scan as the console shows it. */
export class ScanModel {
    messages = new Ring();
    findings = new Ring();
    /** Messages by type; what is beyond `TYPE_LIMIT` types is counted together. */
    counts = new Map();
    /** Phases in the order in which they began: percent, or null for a phase that never told one. */
    phases = new Map();
    lags = [];
    skipped = 0;
    received = 0;
    /** `running`, `completed` or `failed`; null while unknown. */
    outcome = null;
    isStalled = false;
    #phase = null;
    #arrivals = [];

    /** Takes messages in their order. `now` is in milliseconds. */
    add(messages, now) {
        for (const message of messages) this.#addOne(message);
        this.received += messages.length;
        this.isStalled = false;
        this.#arrivals.push({ now, count: messages.length });
    }

    /** Messages a second, over the last seconds. */
    rate(now) {
        this.#arrivals = this.#arrivals.filter((arrival) => now - arrival.now < RATE_WINDOW_MS).slice(-1_000);
        return this.#arrivals.reduce((sum, { count }) => sum + count, 0) / (RATE_WINDOW_MS / 1_000);
    }

    /** The progress of the whole: the current phase's; null where nobody told. */
    get percent() {
        if (this.outcome === 'completed') return 100;
        return this.phases.get(this.#phase)?.percent ?? null;
    }

    get phase() { return this.#phase; }

    addLag({ skippedMessages, since, reason }, at) {
        this.skipped += Number.isFinite(skippedMessages) ? skippedMessages : 0;
        this.lags.unshift({ skippedMessages, since, reason, at });
        this.lags.length = Math.min(this.lags.length, LAG_LIMIT);
    }

    #addOne(message) {
        const type = shown(message.type, 128);
        const key = this.counts.has(type) || this.counts.size < TYPE_LIMIT ? type : OTHER_TYPES;
        this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
        this.#fold(message);
        const row = { seq: message.seq, type, message, ...describe(message) };
        this.messages.push(row);
        if (!NO_FINDINGS.has(message.type) && message.type !== 'error') this.findings.push(row);
    }

    #fold(message) {
        const isTerminal = message.type === 'scanCompleted' || message.type === 'error';
        this.outcome = isTerminal ? { scanCompleted: 'completed', error: 'failed' }[message.type] : 'running';
        if (message.type === 'scanStarted') {
            this.phases.clear();
            this.#phase = null;
        } else if (message.type === 'phaseStarted') {
            this.#enter(phaseName(message), null);
        } else if (message.type === 'scanProgress' || message.type === 'progress') {
            const percent = [message.percent, message.progress, message.percentage].find(Number.isFinite);
            if (percent !== undefined) this.#enter(phaseName(message), Math.min(Math.max(percent, 0), 100));
        } else if (message.type === 'scanCompleted') {
            for (const phase of this.phases.values()) phase.isDone = true;
        }
    }

    #enter(name, percent) {
        if (!this.phases.has(name) && this.phases.size >= PHASE_LIMIT) return;
        // One that begins tells that the one before it is over; scanners seldom say so themselves.
        if (this.#phase !== name && this.phases.has(this.#phase)) this.phases.get(this.#phase).isDone = true;
        this.phases.set(name, { percent: percent ?? this.phases.get(name)?.percent ?? null, isDone: percent === 100 });
        this.#phase = name;
    }
}

function phaseName(message) {
    return shown(message.phase ?? message.name ?? 'progress', 80);
}

/** A token and a scan out of a page's fragment: `#token=…&scan=…`. */
export function readFragment(hash) {
    const fields = new URLSearchParams(hash.replace(/^#/, ''));
    return { token: fields.get('token'), scan: fields.get('scan') };
}

/** Who a JWT speaks of and until when, unverified, for show; null where it is none. */
export function tokenFacts(token) {
    try {
        const body = token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/');
        const bytes = Uint8Array.from(atob(body), (character) => character.charCodeAt(0));
        const { sub, exp } = JSON.parse(new TextDecoder().decode(bytes));
        return { subject: shown(sub, 80), expiresAt: Number.isFinite(exp) ? exp * 1000 : null };
    } catch {
        return null;
    }
}

/** Seconds as a person says them. */
export function duration(seconds) {
    if (!Number.isFinite(seconds)) return '';
    const whole = Math.max(0, Math.round(seconds));
    const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
    if (hours > 0) return `${hours} h ${minutes} min`;
    if (minutes > 0) return `${minutes} min${whole % 60 ? ` ${whole % 60} s` : ''}`;
    return `${whole} s`;
}
