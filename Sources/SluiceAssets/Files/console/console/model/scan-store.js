/**
 * All messages of one scan that the page has, in the order of their seqs, whatever order they came in.
 *
 * Pure: no page, no network, no clock. Views are told of what was added (`onRows`), and of a scan that began anew (`onReset`).
 */
import { Coverage } from './coverage.js';
import { OUTPUT_TYPES, readRow } from './finding.js';
import { Phases } from './phases.js';

/** Rows held at most; of more, the oldest lines of output leave first, then the oldest rows. */
export const ROW_LIMIT = 300_000;
/** Types counted one by one. */
const TYPE_LIMIT = 2_000;
const LAG_LIMIT = 100;
const STALL_LIMIT = 200;

export class ScanStore {
    onRows = () => {};
    onReset = () => {};

    constructor({ rowLimit = ROW_LIMIT } = {}) {
        this.rowLimit = rowLimit;
        this.reset(null);
    }

    /** Forgets everything: another scan, or another life of the same one. */
    reset(epoch) {
        this.epoch = epoch;
        this.rows = [];
        this.coverage = new Coverage();
        this.phases = new Phases();
        /** The newest seq that is known of. */
        this.head = 0;
        this.counts = new Map();
        /** Findings by rank, the unrated last. */
        this.ranks = [0, 0, 0, 0, 0, 0];
        this.findingCount = 0;
        this.outputCount = 0;
        this.lags = [];
        this.skipped = 0;
        /** Silences: `{from, to}`, `to` null while it lasts. */
        this.stalls = [];
        this.droppedCount = 0;
        this.version = (this.version ?? 0) + 1;
        this.onReset();
    }

    get isStalled() {
        return this.stalls.at(-1)?.to === null;
    }

    /**
     * Takes messages in their order, known ones among them. `times` are when they came, in milliseconds.
     * Returns the rows that are new.
     */
    add(messages, times) {
        const fresh = [];
        for (let index = 0; index < messages.length; index += 1) {
            const message = messages[index];
            if (!Number.isInteger(message?.seq) || this.#find(message.seq) !== null) continue;
            fresh.push(readRow(message, times?.[index] ?? null));
        }
        if (fresh.length === 0) return fresh;
        for (const row of fresh) this.#count(row, 1);
        this.#place(fresh);
        this.head = Math.max(this.head, fresh.at(-1).seq);
        this.#fold(fresh);
        this.version += 1;
        const dropped = this.#trim();
        this.onRows(fresh, dropped);
        return fresh;
    }

    addLag({ skippedMessages, since, reason }, at) {
        this.skipped += Number.isFinite(skippedMessages) ? skippedMessages : 0;
        this.lags.unshift({ skippedMessages, since, reason, at });
        this.lags.length = Math.min(this.lags.length, LAG_LIMIT);
        this.version += 1;
    }

    stalled(at) {
        if (!this.isStalled) this.stalls = [...this.stalls.slice(1 - STALL_LIMIT), { from: at, to: null }];
        this.version += 1;
    }

    resumed(at) {
        if (this.isStalled) this.stalls.at(-1).to = at;
        this.version += 1;
    }

    /** The row with this seq, or null. */
    row(seq) {
        return this.#find(seq);
    }

    #find(seq) {
        const row = this.rows[lowerBound(this.rows, seq)];
        return row?.seq === seq ? row : null;
    }

    /** Puts sorted rows in: at the end, or as runs between those that are there. */
    #place(fresh) {
        let index = 0;
        while (index < fresh.length) {
            const place = lowerBound(this.rows, fresh[index].seq);
            const next = this.rows[place]?.seq ?? Infinity;
            let end = index + 1;
            while (end < fresh.length && fresh[end].seq < next) end += 1;
            const run = index === 0 && end === fresh.length ? fresh : fresh.slice(index, end);
            if (place === this.rows.length) for (const row of run) this.rows.push(row);
            else this.rows.splice(place, 0, ...run);
            index = end;
        }
    }

    /** Phases are folded in order: what comes late, out of history, folds all of them anew. */
    #fold(fresh) {
        const isLast = this.rows[this.rows.length - fresh.length] === fresh[0];
        const tells = (row) => !row.isFinding && !OUTPUT_TYPES.has(row.type);
        if (isLast) {
            for (const row of fresh) this.#foldOne(row);
        } else if (fresh.some(tells) || fresh[0] === this.rows[0]) {
            this.phases = new Phases();
            for (const row of this.rows) this.#foldOne(row);
        }
        if (this.isStalled && isLast && fresh[0].at > this.stalls.at(-1).from) this.resumed(fresh[0].at);
    }

    #foldOne(row) {
        if (OUTPUT_TYPES.has(row.type)) this.phases.startedAt ??= row.at;
        else this.phases.take(row.message, row.at);
    }

    #count(row, by) {
        const known = this.counts.get(row.type);
        if (known !== undefined || this.counts.size < TYPE_LIMIT) this.counts.set(row.type, (known ?? 0) + by);
        if (OUTPUT_TYPES.has(row.type)) this.outputCount += by;
        if (!row.isFinding) return;
        this.findingCount += by;
        this.ranks[row.rank] += by;
    }

    #trim() {
        if (this.rows.length <= this.rowLimit) return null;
        const dropped = new Set();
        const excess = this.rows.length - Math.floor(this.rowLimit * 0.95);
        for (const pick of [(row) => OUTPUT_TYPES.has(row.type), () => true]) {
            for (const row of this.rows) {
                if (dropped.size >= excess) break;
                if (pick(row)) dropped.add(row);
            }
        }
        this.rows = this.rows.filter((row) => !dropped.has(row));
        for (const row of dropped) this.#count(row, -1);
        this.droppedCount += dropped.size;
        return dropped;
    }
}

/** The first place whose row has this seq or a higher one. */
export function lowerBound(rows, seq) {
    if (rows.length === 0 || rows[rows.length - 1].seq < seq) return rows.length;
    let [low, high] = [0, rows.length];
    while (low < high) {
        const middle = (low + high) >>> 1;
        if (rows[middle].seq < seq) low = middle + 1;
        else high = middle;
    }
    return low;
}
