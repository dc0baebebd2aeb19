/**
 * One scan that is followed, whatever carries it.
 *
 * @typedef {import('../client').Gap} Gap
 * @typedef {import('../client').HistoryOptions} HistoryOptions
 * @typedef {import('../client').Message} Message
 * @typedef {import('../client').State} State
 * @typedef {import('../client').SubscriptionOptions} SubscriptionOptions
 */

import { MOST_TRIES } from './access.js';
import { RECEIVED_AT, attempt, checkedScan, dispatch, isHidden, sleep } from './common.js';
import { Backlog, Order } from './order.js';
import { Backoff, SluiceError } from './rules.js';

/** The pause before a page that is likely short, and between pages while nobody looks. */
const [SHORT_PAUSE_MS, HIDDEN_PAUSE_MS] = [500, 1_000];

/** One scan that is followed: its order, its state, and who is told. The connection feeds it. */
export class Follower {
    /** @type {Message[]} */
    #due = [];
    #hasNews = false;
    /** @type {AbortController | null} */
    #filling = null;
    /** @type {Set<{ backlog: Backlog, wake: () => void }>} */
    #readers = new Set();
    /**
     * Ends its event stream.
     *
     * @type {AbortController | null}
     */
    stream = null;
    heardAt = 0;
    /**
     * Frames that come before the answer to this request belong to an earlier subscription.
     *
     * @type {number | undefined}
     */
    awaitedID = undefined;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    timer = undefined;
    backoff = new Backoff();
    renewed = false;
    /** Ended for itself, and not with the connection. */
    isOver = false;
    /** @type {State} */
    status = { state: 'closed', transport: 'websocket' };

    /**
     * @param {Port} port
     * @param {string} scanId
     * @param {SubscriptionOptions & { onBatch?: (messages: Message[]) => void }} options
     */
    constructor(port, scanId, options) {
        this.port = port;
        this.scanId = checkedScan(scanId);
        this.options = options;
        this.filters = options.filters ?? [];
        this.rate = options.rate;
        this.order = new Order(options.since, options.epoch, options.fill !== false);
        /** @type {Subscription} */
        this.target = new Subscription(this);
    }

    /** @param {any} frame A frame of the gateway's, about this scan. */
    receive(frame) {
        if (frame.type === 'batch') return this.#take(frame.messages, frame);
        if (frame.type === 'lag') return this.#lag(frame);
        if (frame.type === 'subscribed') this.#subscribed(frame);
        // A producer's `error` has a seq, the gateway's own has none.
        else if (typeof frame.seq === 'number') return this.#take([frame], frame);
        this.emit('notice', frame);
    }

    /** @param {any} frame */
    #subscribed(frame) {
        this.#stopFilling();
        const { change, gap } = this.order.subscribed(frame);
        [this.awaitedID, this.renewed] = [undefined, false];
        if (change) {
            this.flush();
            for (const { backlog } of this.#readers) backlog.restart();
            this.emit('epoch', change);
        }
        this.backoff.reset();
        this.tell({ state: 'live', transport: this.port.transport, recovered: frame.recovered, rate: frame.rate });
        if (gap) this.#fill();
    }

    /**
     * @param {Message[]} messages
     * @param {any} frame What carried them.
     */
    #take(messages, frame) {
        const times = this.port.hasTimes ? frame.times : undefined;
        // The frame of a single message is the message itself.
        if (times) delete frame.times;
        for (const [index, message] of messages.entries()) {
            message.scanId ??= this.scanId;
            if (times) /** @type {any} */ (message)[RECEIVED_AT] = times[index];
        }
        this.#deliver(this.order.take(messages));
    }

    /** @param {any} frame */
    #lag(frame) {
        this.emit('lag', frame);
        if (this.order.lag(frame)) this.#fill();
    }

    /** @param {Message[]} messages */
    #deliver(messages) {
        if (messages.length === 0) return;
        for (const { backlog, wake } of this.#readers) {
            backlog.push(messages);
            wake();
        }
        // Not by spread: an engine has a limit for arguments.
        this.#due = this.#due.length ? this.#due.concat(messages) : messages;
        if (this.port.isImmediate) this.flush();
        else if (!this.#hasNews) {
            this.#hasNews = true;
            this.port.schedule(this);
        }
    }

    /** Delivers what is due. */
    flush() {
        this.#hasNews = false;
        if (this.#due.length === 0) return;
        const messages = this.#due;
        this.#due = [];
        this.emit('messages', messages, 'onBatch');
        const { onMessage } = this.options;
        if (!onMessage) return;
        for (const message of messages) {
            // A callback may close.
            if (this.status.state === 'closed') return;
            attempt('onMessage', () => onMessage(message));
        }
    }

    async #fill() {
        const run = this.#filling = new AbortController();
        const isMine = () => this.#filling === run;
        let told = this.order.gap;
        try {
            for (let isDone = false; !isDone && isMine();) {
                const request = this.order.request();
                if (!request) {
                    // What came live has ended it.
                    this.#filling = null;
                    return this.#tellGap(told && { ...told, done: true });
                }
                const asked = { since: request.since, filters: this.filters, signal: run.signal };
                const page = await this.port.page(this.scanId, asked, MOST_TRIES);
                if (!isMine()) return;
                const result = this.order.page(request, page);
                isDone = result.isDone;
                if (isDone) this.#filling = null;
                this.#deliver(result.messages);
                this.#tellGap(told = result.gap);
                const pause = isHidden() ? HIDDEN_PAUSE_MS : result.isShort ? SHORT_PAUSE_MS : 0;
                if (pause && !isDone) await sleep(pause, run.signal);
            }
        } catch {
            if (!isMine()) return;
            this.#filling = null;
            const { gap } = this.order;
            this.#deliver(this.order.giveUp());
            this.#tellGap(gap && { ...gap, done: true });
        }
    }

    /** @param {Gap | null} gap */
    #tellGap(gap) {
        // A replay may turn out to have been whole.
        if (gap && gap.total > 0) this.emit('gap', gap);
    }

    #stopFilling() {
        this.#filling?.abort();
        this.#filling = null;
    }

    /** The connection went, or its socket does not carry this scan any more. */
    detach() {
        this.#stopFilling();
        this.stream?.abort();
        this.stream = null;
        clearTimeout(this.timer);
        this.awaitedID = undefined;
    }

    /** What to ask for in a path's query. */
    get query() {
        const times = this.port.hasTimes || undefined;
        return { since: this.order.seq, filters: this.filters, rate: this.rate, wait: this.options.wait, times };
    }

    /** @param {State} status */
    tell(status) {
        this.flush();
        this.status = status;
        this.emit('state', status);
        if (status.state === 'closed') for (const { wake } of this.#readers) wake();
    }

    /**
     * Over for itself.
     *
     * @param {{ code: number, reason: string, advice: any }} end
     */
    finish(end) {
        if (this.isOver) return;
        this.isOver = true;
        this.detach();
        this.tell({ state: 'closed', transport: this.port.transport, ...end });
    }

    /**
     * Tells the callback, and those who listen; news in their place among the messages.
     *
     * @param {string} name
     * @param {any} value
     * @param {string} [also] An older name of the callback's.
     */
    emit(name, value, also) {
        if (name !== 'messages' && name !== 'gap') this.flush();
        const callbacks = /** @type {Record<string, any>} */ (this.options);
        for (const key of [`on${name[0].toUpperCase()}${name.slice(1)}`, also]) {
            if (key && callbacks[key]) attempt(key, () => callbacks[key](value));
        }
        dispatch(this.target, name, value);
    }

    /** @returns {AsyncGenerator<Message, void, void>} */
    read() {
        let wake = () => {};
        const reader = { backlog: new Backlog(this.order.seq), wake: () => wake() };
        this.#readers.add(reader);
        const woken = () => new Promise((resolve) => { wake = () => resolve(undefined); });
        return this.#messages(reader, woken);
    }

    /** @param {Backlog} backlog */
    #older(backlog) {
        return this.port.page(this.scanId, { ...backlog.request(), filters: this.filters }, MOST_TRIES);
    }

    /**
     * @param {{ backlog: Backlog, wake: () => void }} reader
     * @param {() => Promise<any>} woken
     * @returns {AsyncGenerator<Message, void, void>}
     */
    async *#messages(reader, woken) {
        const { backlog } = reader;
        try {
            for (;;) {
                const message = backlog.shift();
                if (message) yield message;
                else if (backlog.isBehind) backlog.page(await this.#older(backlog));
                else if (this.status.code === undefined || this.status.state !== 'closed') await woken();
                else if (this.status.code === 1000) return;
                else throw new SluiceError(this.status.code, this.status.reason ?? '');
            }
        } finally {
            this.#readers.delete(reader);
        }
    }
}

/** A scan that is followed, as its user sees it. */
export class Subscription extends EventTarget {
    #follower;

    /** @param {Follower} follower */
    constructor(follower) {
        super();
        this.#follower = follower;
    }

    get scanId() { return this.#follower.scanId; }
    get state() { return this.#follower.status.state; }
    get status() { return this.#follower.status; }
    get seq() { return this.#follower.order.seq; }
    get epoch() { return this.#follower.order.epoch; }

    close() { this.#follower.port.leave(this.#follower); }

    /** @param {string[] | null} filters */
    setFilters(filters) {
        this.#follower.filters = filters ? [...filters] : [];
        return this.#follower.port.change(this.#follower, { action: 'subscribe', filters: this.#follower.filters });
    }

    /** @param {number} rate */
    setRate(rate) {
        this.#follower.rate = rate;
        return this.#follower.port.change(this.#follower, { action: 'rate', messagesPerSecond: rate });
    }

    /** @param {HistoryOptions} [options] */
    history(options) { return this.#follower.port.history(this.scanId, options); }

    [Symbol.asyncIterator]() { return this.#follower.read(); }
}

/**
 * What a follower may ask of its connection.
 *
 * @typedef {object} Port
 * @property {'websocket' | 'sse'} transport
 * @property {boolean} hasTimes
 * @property {boolean} isImmediate
 * @property {(follower: Follower) => void} schedule Flush it when the next frame is drawn.
 * @property {(follower: Follower) => void} leave
 * @property {(follower: Follower, action: object) => Promise<any>} change
 * @property {(scanId: string, options: HistoryOptions, tries?: number) => Promise<any>} page
 * @property {(scanId: string, options?: HistoryOptions) => AsyncGenerator<Message, void, void>} history
 */
