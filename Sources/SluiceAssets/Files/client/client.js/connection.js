/**
 * One connection to a gateway for any number of scans: tokens, sockets, what stands in for them, and coming back.
 *
 * @typedef {import('../client').ConnectionOptions} ConnectionOptions
 * @typedef {import('../client').HistoryOptions} HistoryOptions
 * @typedef {import('../client').State} State
 * @typedef {import('../client').SubscriptionOptions} SubscriptionOptions
 */

import { Access } from './access.js';
import { attempt, dispatch, errorText, isHidden, lacking, parse, queryOf, refusal } from './common.js';
import { Follower } from './follower.js';
import { Frames } from './frames.js';
import { Backoff, SluiceError, jitter, scanRefusal, verdict } from './rules.js';
import { Streams } from './streams.js';
import { Wire } from './wire.js';

/** A connection that lived so long was a good one: delays start small again, and a token may be renewed again. */
const STABLE_MS = 10_000;
/** Silence after which the gateway is asked for a sign; how long it has to answer, and to connect; how often to look. */
const [SILENCE_MS, NO_ANSWER_MS, CONNECT_MS, WATCH_MS] = [30_000, 15_000, 10_000, 5_000];
/** A tab that is looked at again asks after less silence, and waits less. */
const [SEEN_SILENCE_MS, SEEN_ANSWER_MS] = [8_000, 5_000];
/** Where sockets did not pass, event streams stand in for so long at least. */
const EVENTS_MS = 60_000;
/** More than any gateway grants: as many frames as there are. */
const ANY_RATE = 1_000_000;

/** Marks a connection that follows one scan, and says so in its path. */
export const SINGLE = Symbol('single');

export class SluiceConnection extends EventTarget {
    /** @type {ConnectionOptions & { [SINGLE]?: boolean }} */
    #options;
    #access; #socketClass; #isSingle; #port;
    /** @type {Map<string, Follower>} */
    #followers = new Map();
    /** @type {State} */
    #status = { state: 'closed', transport: 'websocket' };
    /** The gateway said when to come back, so that neither the network nor the tab says it. */
    #isTold = false;
    #usesEvents = false; #eventsSince = 0; #socketFailures = 0; #base = '';
    /**
     * Ends the requests of an attempt to connect.
     *
     * @type {AbortController}
     */
    #abort = new AbortController();
    /** Counts attempts: whoever belongs to an earlier one has nothing to say any more. */
    #attempt = 0;
    #wire = new Wire();
    #streams;
    #backoff = new Backoff();
    #renewed = false;
    #liveSince = 0; #heardAt = 0; #askedAt = 0; #mayBeSilentMs = NO_ANSWER_MS;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    #timer;
    /** @type {ReturnType<typeof setInterval> | undefined} */
    #watch;
    #frames = new Frames();

    /** @param {ConnectionOptions & { [SINGLE]?: boolean }} [options] */
    constructor(options = {}) {
        super();
        this.#options = { transport: 'auto', hiddenRate: 1, ...options };
        this.#access = new Access(options);
        this.#socketClass = options.WebSocket ?? globalThis.WebSocket;
        this.#isSingle = options[SINGLE] ?? false;
        this.#streams = new Streams(this.#access, {
            followers: () => this.#followers.values(),
            opened: (follower) => (this.#isSingle ? this.#live() : follower.tell({ state: 'open', transport: 'sse' })),
            tokenExpiring: () => this.#renew(),
            ended: (follower, ending, isRefusal) => {
                if (isRefusal) this.#preferSockets();
                if (this.#isSingle) this.#ended(ending);
                else this.#followerEnded(follower, ending);
            },
        });
        this.#preferSockets();
        this.#port = this.#makePort();
    }

    get state() { return this.#status.state; }
    get status() { return this.#status; }
    get transport() { return /** @type {State['transport']} */ (this.#usesEvents ? 'sse' : 'websocket'); }
    get subscriptions() { return new Map([...this.#followers].map(([scanId, { target }]) => [scanId, target])); }

    /** @returns {import('./follower.js').Port} */
    #makePort() {
        const connection = this;
        return {
            get transport() { return connection.transport; },
            get hasTimes() { return connection.#access.times === true; },
            get isImmediate() { return connection.#options.delivery !== 'frame'; },
            schedule: (follower) => this.#frames.schedule(follower),
            leave: (follower) => this.#leave(follower),
            change: (follower, action) => this.#change(follower, action),
            page: (scanId, options, tries) => this.#access.page(scanId, options, tries),
            history: (scanId, options) => this.history(scanId, options),
        };
    }

    open() {
        if (this.#status.state !== 'closed') return this;
        this.#backoff.reset();
        this.#renewed = false;
        globalThis.document?.addEventListener?.('visibilitychange', this.#visibilityChanged);
        globalThis.addEventListener?.('online', this.#wentOnline);
        this.#connect();
        return this;
    }

    close() {
        if (this.#status.state === 'closed') return;
        this.#detach();
        this.#shut({ code: 1000, reason: 'closed here', advice: 'done' });
    }

    retryNow() {
        if (this.#status.state === 'reconnecting') return void this.#connect();
        const waiting = [...this.#followers.values()].filter(({ status }) => status.state === 'reconnecting');
        for (const follower of waiting) this.#start(follower);
    }

    /**
     * @param {string} scanId
     * @param {SubscriptionOptions} [options]
     */
    subscribe(scanId, options = {}) {
        const follower = new Follower(this.#port, scanId, options);
        const former = this.#followers.get(scanId);
        if (former) this.#leave(former, 'followed anew');
        this.#followers.set(scanId, follower);
        if (this.#status.state !== 'closed') {
            follower.status = { ...this.#status, state: 'connecting' };
            if (this.#status.state === 'live') this.#start(follower);
        }
        return follower.target;
    }

    /** @param {string} token */
    refresh(token) {
        this.#access.token = token;
        return this.#change(null, { action: 'refresh', token });
    }

    async ping() {
        const sentAt = Date.now();
        const answer = await this.#wire.request({ action: 'ping' });
        return answer && { ...answer, ms: Date.now() - sentAt };
    }

    /** @type {Access['fetch']} */
    fetch = (path, init) => this.#access.fetch(path, init);
    /** @type {(path: string, init?: RequestInit) => Promise<any>} */
    json = (path, init = {}) => this.#access.json(path, init, 3);
    /** @type {(scanId: string, options?: HistoryOptions) => Promise<any>} */
    page = (scanId, options = {}) => this.#access.page(scanId, options);
    /** @type {Access['history']} */
    history = (scanId, options) => this.#access.history(scanId, options);

    // The connection

    async #connect() {
        const attempt = ++this.#attempt;
        clearTimeout(this.#timer);
        clearInterval(this.#watch);
        [this.#heardAt, this.#askedAt] = [Date.now(), 0];
        this.#watch = setInterval(() => this.#lookAfter(), WATCH_MS);
        this.#abort = new AbortController();
        this.#tell({ state: 'connecting' });
        try {
            await this.#access.prepare();
            if (attempt !== this.#attempt) return;
            if (!this.#usesEvents) return await this.#openSocket(attempt);
            if (!this.#isSingle) this.#live();
            this.#streams.start();
        } catch (error) {
            if (attempt === this.#attempt) this.#ended(error);
        }
    }

    /** @param {number} attempt */
    async #openSocket(attempt) {
        if (!this.#socketClass) throw lacking('WebSocket');
        const { token, times } = this.#access;
        const single = this.#single;
        const query = queryOf(single ? single.query : { times });
        const ticket = token && await this.#ticket();
        if (attempt !== this.#attempt) return;
        const base = this.#base = this.#access.base;
        if (ticket) query.set('ticket', ticket);
        if (single?.order.isPlaced) query.set('epoch', single.order.epoch ?? '');
        const path = single ? `/api/ws/scans/${single.scanId}` : '/api/ws';
        const protocols = token && !ticket ? ['sluice.v1', `bearer.${token}`] : [];
        const socket = this.#makeSocket(`${base.replace(/^http/, 'ws')}${path}?${query}`, protocols);
        let opened = false;
        this.#wire.use(socket);
        socket.onopen = () => {
            if (attempt !== this.#attempt) return;
            [opened, this.#socketFailures] = [true, 0];
            this.#live();
            if (!single) for (const follower of this.#followers.values()) this.#start(follower);
        };
        socket.onmessage = (/** @type {any} */ { data }) => {
            if (attempt === this.#attempt && typeof data === 'string') this.#receive(data);
        };
        // Some classes take an error that nobody listens for as one of the program.
        socket.onerror = () => {};
        socket.onclose = (/** @type {any} */ { code, reason }) => {
            if (attempt !== this.#attempt) return;
            if (opened) this.#ended(new SluiceError(code, String(reason)));
            else this.#askWhy(attempt);
        };
    }

    /**
     * Throws where this place allows no such socket at all, as a page of https does for ws: coming back is no use.
     *
     * @param {string} url
     * @param {string[]} protocols
     */
    #makeSocket(url, protocols) {
        try {
            return new /** @type {any} */ (this.#socketClass)(url, protocols);
        } catch (error) {
            if (this.#options.transport === 'auto') this.#preferEvents();
            throw new SluiceError(1006, errorText(error), { isFinal: !this.#usesEvents });
        }
    }

    /** A ticket stands in the URL in the token's place; null if this gateway gives none. */
    async #ticket() {
        const response = await this.#access.ask('/api/tickets', { method: 'POST', signal: this.#abort.signal });
        if (!response.ok && response.status !== 404) throw await refusal(response);
        return response.ok ? (await response.json()).ticket : null;
    }

    /** Browsers do not tell why a WebSocket was refused, so ask in a way that does. */
    async #askWhy(/** @type {number} */ attempt) {
        let ending = new SluiceError(1006, 'the WebSocket could not be opened');
        try {
            const path = this.#single ? `/api/scans/${this.#single.scanId}` : '/api/scans/stats?limit=1';
            const response = await this.#access.ask(path, { signal: this.#abort.signal });
            if (!response.ok && response.status !== 404) ending = await refusal(response);
            else if (++this.#socketFailures > 1 && this.#options.transport === 'auto') this.#preferEvents();
        } catch { /* The gateway is away altogether: come back later. */ }
        if (attempt === this.#attempt) this.#ended(ending);
    }

    #live() {
        this.#liveSince = Date.now();
        this.#tell({ state: 'live' }, 'open');
    }

    /** The one follower of a connection that follows one scan. */
    get #single() { return this.#isSingle ? [...this.#followers.values()][0] : undefined; }

    #preferSockets() {
        const { transport } = this.#options;
        this.#usesEvents = transport === 'sse' || (transport === 'auto' && !this.#socketClass);
    }

    #preferEvents() { [this.#usesEvents, this.#eventsSince] = [true, Date.now()]; }

    /** Whether sockets, which once did not pass, are worth another try. */
    get #mayTrySockets() {
        return this.#usesEvents && this.#options.transport === 'auto' && this.#socketClass !== undefined
            && Date.now() - this.#eventsSince >= EVENTS_MS;
    }

    // Frames and scans

    /** @param {string} text */
    #receive(text) {
        [this.#heardAt, this.#askedAt] = [Date.now(), 0];
        const frame = parse(text);
        if (frame === undefined) return;
        // A producer's message has a seq and may have an `id`, which answers nothing.
        const isNotice = frame.type === 'subscribed' || (typeof frame.seq !== 'number' && frame.type !== 'batch');
        if (isNotice) this.#wire.answered(frame);
        if (frame.type === 'tokenExpiring') this.#renew();
        const follower = this.#single ?? this.#followers.get(frame.scanId);
        if (!follower) return isNotice ? this.#emit('notice', frame) : undefined;
        const isAwaited = frame.type === 'subscribed' && frame.id === follower.awaitedID;
        if (follower.awaitedID !== undefined && !isAwaited) return;
        if (frame.type === 'unsubscribed' && frame.id === undefined) {
            const code = frame.reason === 'storage unavailable' ? 1013 : 1000;
            return this.#followerEnded(follower, new SluiceError(code, frame.reason));
        }
        follower.receive(frame);
        // Its query asked for the rate of a tab that is seen.
        if (frame.type === 'subscribed' && this.#isSingle && isHidden()) this.#changeRates();
    }

    /** Follows a scan on the socket that stands, or by a stream. */
    async #start(/** @type {Follower} */ follower) {
        clearTimeout(follower.timer);
        if (this.#usesEvents) return this.#streams.start();
        if (!this.#wire.isOpen) return;
        const { order, scanId, options, filters } = follower;
        follower.tell({ state: 'open', transport: 'websocket' });
        const id = follower.awaitedID = this.#wire.lastID + 1;
        const answer = await this.#wire.request({
            action: 'subscribe', scanId, since: order.seq, epoch: order.isPlaced ? order.epoch : undefined,
            filters: filters.length ? filters : undefined, rate: this.#rate(follower), wait: options.wait,
        });
        if (answer?.type !== 'error' || follower.awaitedID !== id) return;
        follower.awaitedID = undefined;
        this.#followerEnded(follower, scanRefusal(answer));
    }

    /**
     * One scan of many ended.
     *
     * @param {Follower} follower
     * @param {SluiceError} ending
     */
    #followerEnded(follower, ending) {
        if (follower.isOver) return;
        follower.detach();
        const { code, message: reason } = ending;
        const { comesBack, advice } = verdict(ending);
        const mayRenew = code === 4401 && this.#access.getToken !== undefined && !follower.renewed;
        if (!comesBack && !mayRenew) {
            this.#followers.delete(follower.scanId);
            follower.finish({ code, reason, advice });
            if (this.#usesEvents) this.#streams.start();
            return;
        }
        if (mayRenew) [follower.renewed, this.#access.token] = [true, undefined];
        if (this.#mayTrySockets) return this.#ended(ending);
        const inMs = follower.backoff.next(ending.retryAfterMs ?? parse(reason)?.retryAfterMs);
        follower.timer = setTimeout(() => this.#start(follower), inMs);
        follower.tell({ state: 'reconnecting', transport: this.transport, inMs, at: Date.now() + inMs, code, reason });
    }

    /**
     * @param {Follower} follower
     * @param {string} [reason]
     */
    #leave(follower, reason = 'closed here') {
        if (this.#followers.get(follower.scanId) !== follower) return;
        if (this.#isSingle) return this.close();
        this.#followers.delete(follower.scanId);
        if (!this.#usesEvents) this.#wire.request({ action: 'unsubscribe', scanId: follower.scanId });
        follower.finish({ code: 1000, reason, advice: 'done' });
        if (this.#usesEvents) this.#streams.start();
    }

    /**
     * @param {Follower | null} follower One, or all.
     * @param {object} action
     */
    #change(follower, action) {
        if (!this.#usesEvents) {
            return this.#wire.request(follower && !this.#isSingle ? { ...action, scanId: follower.scanId } : action);
        }
        // An event stream takes no requests: open another one, which goes on where this one was.
        for (const each of follower ? [follower] : this.#followers.values()) {
            if (!each.stream) continue;
            each.detach();
            each.tell({ state: 'connecting', transport: 'sse' });
        }
        if (this.#status.state === 'live') this.#streams.start();
        return Promise.resolve(null);
    }

    async #renew() {
        if (!this.#access.getToken) return;
        const attempt = this.#attempt;
        try {
            const token = await this.#access.newToken();
            if (attempt === this.#attempt) await this.refresh(token);
        } catch { /* The old token still serves; when it ends, 4401 asks once more. */ }
    }

    // Times

    /** A connection can die without a word: ask one that is silent, give up one that does not answer. */
    #lookAfter(silenceMs = SILENCE_MS, answerMs = NO_ANSWER_MS) {
        const now = Date.now();
        if (this.#usesEvents) return this.#streams.lookAfter(now);
        const isLate = this.#status.state === 'connecting' && now - this.#heardAt >= CONNECT_MS;
        if (isLate) return this.#ended(new SluiceError(1006, 'no answer in time'));
        if (this.#askedAt > 0) {
            if (now - this.#askedAt >= this.#mayBeSilentMs) this.#ended(new SluiceError(1006, 'no sign of life'));
        } else if (now - this.#heardAt >= silenceMs) {
            [this.#askedAt, this.#mayBeSilentMs] = [now, answerMs];
            this.#wire.request({ action: 'ping' });
        }
    }

    #wentOnline = () => {
        if (this.#status.state !== 'reconnecting') return this.#lookAfter(0, SEEN_ANSWER_MS);
        if (this.#isTold) return;
        // All that were cut off together are told at once, too.
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.#connect(), Math.min(this.#status.inMs ?? 0, jitter()));
    };

    #visibilityChanged = () => {
        this.#changeRates();
        if (isHidden()) return;
        if (this.#status.state === 'reconnecting' && !this.#isTold) this.#connect();
        else this.#lookAfter(SEEN_SILENCE_MS, SEEN_ANSWER_MS);
    };

    #changeRates() {
        if (this.#usesEvents || this.#options.hiddenRate === null) return;
        for (const follower of this.#followers.values()) {
            if (follower.status.state !== 'live') continue;
            this.#change(follower, { action: 'rate', messagesPerSecond: this.#rate(follower) ?? ANY_RATE });
        }
    }

    /**
     * Frames a second that a follower wants now.
     *
     * @param {Follower} follower
     */
    #rate({ rate }) {
        const { hiddenRate } = this.#options;
        return isHidden() && hiddenRate != null ? Math.min(hiddenRate, rate ?? Infinity) : rate;
    }

    // Ends

    /** @param {any} error */
    #ended(error) {
        const ending = error instanceof SluiceError ? error : new SluiceError(1006, errorText(error));
        const { code, message: reason } = ending;
        if (this.#liveSince > 0 && Date.now() - this.#liveSince >= STABLE_MS) {
            this.#backoff.reset();
            this.#renewed = false;
        }
        if (this.#mayTrySockets) this.#preferSockets();
        this.#detach();
        if (code === 4401 && this.#access.getToken && !this.#renewed) {
            [this.#renewed, this.#access.token] = [true, undefined];
            return this.#comeBack(jitter(), code, reason);
        }
        const { comesBack, advice } = verdict(ending);
        if (!comesBack) return this.#shut({ code, reason, advice });
        this.#access.goOn(this.#base);
        const wishMs = ending.retryAfterMs ?? parse(reason)?.retryAfterMs;
        this.#isTold = wishMs !== undefined;
        this.#comeBack(this.#backoff.next(wishMs), code, reason);
    }

    /**
     * @param {number} inMs
     * @param {number} code
     * @param {string} reason
     */
    #comeBack(inMs, code, reason) {
        this.#timer = setTimeout(() => this.#connect(), inMs);
        this.#tell({ state: 'reconnecting', inMs, at: Date.now() + inMs, code, reason });
    }

    /** @param {{ code: number, reason: string, advice: any }} end */
    #shut(end) {
        globalThis.document?.removeEventListener?.('visibilitychange', this.#visibilityChanged);
        globalThis.removeEventListener?.('online', this.#wentOnline);
        this.#tell({ state: 'closed', ...end });
    }

    #detach() {
        this.#attempt += 1;
        this.#liveSince = 0;
        clearTimeout(this.#timer);
        clearInterval(this.#watch);
        this.#abort.abort();
        this.#wire.close();
        for (const follower of this.#followers.values()) follower.detach();
    }

    /**
     * @param {Partial<State> & { state: State['state'] }} status
     * @param {State['state']} [forFollowers] Where it is another for those.
     */
    #tell(status, forFollowers = status.state) {
        this.#status = { ...status, transport: this.transport };
        this.#emit('state', this.#status);
        for (const follower of [...this.#followers.values()]) {
            if (!follower.isOver) follower.tell({ ...this.#status, state: forFollowers });
        }
    }

    /**
     * @param {'state' | 'notice'} name
     * @param {any} value
     */
    #emit(name, value) {
        const { onState, onNotice } = this.#options;
        const callback = name === 'state' ? onState : onNotice;
        if (callback) attempt(name === 'state' ? 'onState' : 'onNotice', () => callback(value));
        dispatch(this, name, value);
    }
}
