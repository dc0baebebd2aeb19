/**
 * Which messages are delivered when, and which are fetched. Nothing here knows a socket, a clock or a callback.
 *
 * @typedef {import('../client').Gap} Gap
 * @typedef {import('../client').Message} Message
 */

/** Messages held behind a gap, and for a slow reader; beyond it they are read from history in their turn. */
const [MOST_HELD, MOST_BACKLOG] = [5_000, 10_000];
/** Pages in a row without anything new, live or in history, behind which a gap is over: longer than a frame takes. */
const MOST_ENDS = 3;
/** Holes of a gap that are counted each for itself; beyond it the newest two are counted together. */
const MOST_HOLES = 64;

/**
 * Some messages that the gateway skipped: after `since`, before `end` where that is known, `count` of them.
 *
 * @typedef {{ since: number, end: number, count: number, loaded: number }} Hole
 */

/**
 * The order of one scan's messages: what is delivered, what is held behind a gap, and what to fetch from history.
 *
 * While a gap is filled, what comes live is held. A further hole makes what is held superfluous: history is read on to
 * behind it, so that at any time there is one place to read from, and few messages are held. A gap is over once there is
 * something live that no page had; until then the gateway still sends, slowly, what history has shown already.
 */
export class Order {
    /** @type {Message[]} */
    #held = [];
    /**
     * `mark` tells pages that were asked for before the newest hole; `ends` counts pages in a row behind which there
     * was nothing, while nothing came live that they had: then there is nothing to wait for.
     *
     * @type {null | { since: number, cursor: number, holes: Hole[], mark: number, ends: number }}
     */
    #gap = null;

    /**
     * @param {number} [seq] Of the newest message delivered.
     * @param {string} [epoch] The life of the scan that it belongs to.
     * @param {boolean} [fills] Whether gaps are filled.
     */
    constructor(seq, epoch, fills = true) {
        this.seq = seq;
        this.epoch = epoch;
        this.fills = fills;
    }

    get isPlaced() { return this.seq != null && this.epoch != null; }

    /**
     * A subscription begins, at `seq`: what was held comes again.
     *
     * @param {{ seq: number, epoch: string, recovered?: boolean }} frame
     * @returns {{ change: null | { epoch: string, previous: string }, gap: boolean }} `gap`: begin to fetch.
     */
    subscribed({ seq, epoch, recovered }) {
        [this.#held, this.#gap] = [[], null];
        const previous = this.epoch;
        const isOther = previous != null && previous !== epoch;
        // In another life of the scan its seqs begin anew.
        if (isOther || (this.seq ?? 0) > seq) this.seq = 0;
        this.seq ??= seq;
        this.epoch = epoch;
        // Not all losses of a replay can be told by `lag` frames.
        const gap = recovered === false && this.lag({ since: this.seq, skippedMessages: 0 });
        return { change: isOther ? { epoch, previous } : null, gap };
    }

    /** An event's epoch is all that tells of another life of the scan, should its first frame not have come. */
    moved(/** @type {string} */ epoch) {
        if (this.isPlaced && epoch !== this.epoch) this.seq = 0;
        this.epoch = epoch;
    }

    /**
     * @param {Message[]} messages
     * @returns {Message[]} Those to deliver now.
     */
    take(messages) {
        const newest = this.#held.at(-1)?.seq ?? this.seq ?? -1;
        const fresh = messages.filter(({ seq }) => !(seq <= newest));
        const gap = this.#gap;
        if (!gap) {
            this.seq = fresh.at(-1)?.seq ?? this.seq;
            return fresh;
        }
        const hole = gap.holes[gap.holes.length - 1];
        if (hole.end === Infinity && messages.length) hole.end = messages[0].seq;
        // The gateway still sends what history had.
        if (fresh.length < messages.length) gap.ends = Math.min(gap.ends, 1);
        this.#held = this.#held.concat(fresh);
        // Nothing lies between the end of history and what came live behind it.
        if (gap.ends > 0 && fresh.length > 0) return this.giveUp();
        if (this.#held.length > MOST_HELD) this.#passOver();
        return [];
    }

    /**
     * The gateway skipped something here.
     *
     * @param {{ since: number, skippedMessages: number }} frame
     * @returns {boolean} Whether it begins to be filled now.
     */
    lag({ since, skippedMessages: count }) {
        if (!this.fills) return false;
        const isFirst = this.#gap === null;
        const start = Math.max(this.seq ?? 0, since || 0);
        this.#gap ??= { since: start, cursor: start, holes: [], mark: 0, ends: 0 };
        const { holes, cursor } = this.#gap;
        // History was read further than the gateway sends: some of it is here already.
        const loaded = isFirst ? 0 : Math.min(count || 0, Math.max(0, cursor - (since || 0)));
        if (holes.length === MOST_HOLES) holes.push(joined(holes.splice(-2)));
        holes.push({ since: since || 0, end: Infinity, count: count || 0, loaded });
        this.#passOver();
        return isFirst;
    }

    /** What is held comes from history, in its turn. */
    #passOver() {
        if (!this.#gap) return;
        this.#gap.mark += 1;
        this.#gap.ends = 0;
        this.#held = [];
    }

    /** What to fetch next, if there is a gap. `mark` belongs to the answer. */
    request() {
        return this.#gap && { since: this.#gap.cursor, mark: this.#gap.mark };
    }

    /**
     * A page of history came.
     *
     * @param {{ mark: number }} request
     * @param {{ epoch: string, messages: Message[], next: number | null }} page
     * @returns {{ messages: Message[], isDone: boolean, isShort: boolean, gap: Gap | null }}
     *     What to deliver, and to tell; `isShort`: history had no more.
     */
    page({ mark }, { epoch, messages, next }) {
        const gap = this.#gap;
        if (!gap || epoch !== this.epoch) {
            const told = this.gap && { ...this.gap, done: true };
            return { messages: this.giveUp(), isDone: true, isShort: true, gap: told };
        }
        const fresh = messages.filter(({ seq }) => seq > gap.cursor);
        for (const hole of gap.holes) {
            hole.loaded += fresh.filter(({ seq }) => seq > hole.since && seq < hole.end).length;
        }
        gap.cursor = Math.max(gap.cursor, messages.at(-1)?.seq ?? 0, next ?? 0);
        this.seq = fresh.at(-1)?.seq ?? this.seq;
        this.#held = this.#held.filter(({ seq }) => seq > gap.cursor);
        // A page that was asked for before the newest hole is not the last.
        const isEnd = next === null && gap.mark === mark;
        gap.ends = isEnd ? gap.ends + 1 : 0;
        const isDone = isEnd && (this.#held.length > 0 || gap.ends > MOST_ENDS);
        const told = this.gap && { ...this.gap, done: isDone };
        return { messages: isDone ? fresh.concat(this.giveUp()) : fresh, isDone, isShort: next === null, gap: told };
    }

    /** The gap stays as it is. Returns what was held behind it. */
    giveUp() {
        const held = this.#held;
        this.seq = held.at(-1)?.seq ?? this.seq;
        [this.#held, this.#gap] = [[], null];
        return held;
    }

    /**
     * What to tell of the gap.
     *
     * @returns {Gap | null}
     */
    get gap() {
        if (!this.#gap) return null;
        const { since, holes } = this.#gap;
        const total = holes.reduce((sum, { count }) => sum + count, 0);
        const loaded = holes.reduce((sum, hole) => sum + Math.min(hole.loaded, hole.count), 0);
        return { since, loaded, total, done: false, lost: total - loaded };
    }
}

/**
 * Two holes as one, with what lies between them.
 *
 * @param {Hole[]} holes
 * @returns {Hole}
 */
function joined([first, second]) {
    const [count, loaded] = [first.count + second.count, first.loaded + second.loaded];
    return { since: first.since, end: second.end, count, loaded };
}

/**
 * What the reader of an async iterator has not taken yet.
 *
 * What it does not take in time is forgotten here, and read from history when it comes to it.
 */
export class Backlog {
    /** @type {Message[]} */
    #queue = [];
    #head = 0;
    /** How many of the queue are of an earlier life of the scan. */
    #former = 0;
    /** Whether what comes now is to be read from history later. */
    isBehind = false;

    /** @param {number} [last] The seq of the message taken last. */
    constructor(last) {
        this.last = last;
    }

    get isEmpty() { return this.#head === this.#queue.length; }

    /** @param {Message[]} messages */
    push(messages) {
        if (this.isBehind || messages.length === 0) return;
        this.last ??= messages[0].seq - 1;
        if (this.#queue.length - this.#head + messages.length > MOST_BACKLOG) this.isBehind = true;
        else this.#queue.push(...messages);
    }

    /** The next message, if there is one. */
    shift() {
        if (this.isEmpty) return undefined;
        const message = this.#queue[this.#head++];
        if (this.isEmpty || this.#head > 1_000) {
            this.#queue.splice(0, this.#head);
            this.#head = 0;
        }
        if (this.#former > 0) this.#former -= 1;
        else this.last = message.seq;
        return message;
    }

    /** What to read from history, once all that was kept is taken; what comes from now on is kept again. */
    request() {
        this.isBehind = false;
        return { since: this.last ?? 0 };
    }

    /** @param {{ messages: Message[], next: number | null }} page */
    page({ messages, next }) {
        const fresh = messages.filter(({ seq }) => seq > (this.last ?? -1));
        const end = fresh.at(-1)?.seq ?? this.last ?? -1;
        if (next === null) {
            // The page was the last: behind it stands what came meanwhile, if that was not too much again.
            const rest = this.isBehind ? [] : this.#queue.slice(this.#head).filter(({ seq }) => seq > end);
            this.#queue = fresh.concat(rest);
        } else {
            [this.#queue, this.isBehind] = [fresh, true];
            if (fresh.length === 0) this.last = Math.max(next, this.last ?? 0);
        }
        this.#head = 0;
    }

    /** The scan began a new life: what is kept of the old one is still to be taken, the rest is over. */
    restart() {
        this.#former = this.#queue.length - this.#head;
        this.last = 0;
    }
}

