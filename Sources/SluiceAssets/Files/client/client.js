/**
 * Follows one scan of a Sluice gateway: each message once and in order, over reconnections too. In browsers, and
 * wherever there is `fetch`: without `WebSocket` (Node 20) by event streams.
 *
 *     import { SluiceClient } from '/client.js';
 *     const client = new SluiceClient({
 *         scanId: 'abc-123', since: 0, getToken: async () => (await fetch('/my/token')).text(),
 *         onMessage: (message) => console.log(message.seq, message.type),
 *     }).open();
 *
 * @typedef {object} Options
 * @property {string} scanId The scan to follow.
 * @property {string} [url] The gateway, as http(s) or ws(s); a path before `/api` is kept. Default: the page's origin.
 * @property {string} [token] A JWT. It travels in headers only, never in a URL. Without one, cookies have to do.
 * @property {() => (string | Promise<string>)} [getToken] Gives a new JWT: at first, if there is no `token`, and
 *     before or after the old one expires.
 * @property {number} [since] Replay what is kept after this seq; 0: all. Without it: what comes from now on.
 * @property {string} [epoch] The epoch that `since` belongs to.
 * @property {string[]} [filters] Receive these types only (critical ones always come). No commas in them.
 * @property {number} [rate] At most so many frames a second.
 * @property {number} [wait] Wait so many seconds for a scan that does not exist yet.
 * @property {'auto' | 'websocket' | 'sse'} [transport] `auto`, the default: event streams if WebSockets cannot pass, or
 *     there are none here.
 * @property {(message: object) => void} [onMessage] Called with each message.
 * @property {(messages: object[]) => void} [onBatch] Called with the messages of each frame, before `onMessage`.
 * @property {(lag: object) => void} [onLag] Messages were lost here: `skippedMessages`, `since`, `reason`.
 * @property {(state: State) => void} [onState] The connection changed.
 * @property {(notice: object) => void} [onNotice] Called with any other frame of the gateway's own: `subscribed`,
 *     `scanStalled`, `scanResumed`, `tokenExpiring`, `ack`, `pong`, `error` (with a `code`).
 */
/**
 * @typedef {object} State
 * @property {'connecting' | 'open' | 'live' | 'reconnecting' | 'closed'} state `open`: not yet subscribed.
 * @property {'websocket' | 'sse'} transport What carries the messages.
 * @property {boolean} [recovered] With `live`: false if something between `since` and now is no longer kept.
 * @property {number} [rate] With `live`: frames a second that the gateway grants.
 * @property {number} [inMs] With `reconnecting`: how long until the next attempt.
 * @property {number} [code] With `reconnecting` and `closed`: the close code, 1006 for a lost connection.
 * @property {string} [reason] Likewise: why, in the gateway's words.
 * @property {string} [advice] With `closed`, what to do before `open()`, for the client does not come back by itself:
 *     `done`, `reconnect`, `new-token`, `ask-for-access`, `check-scan`, `close-others`, or `report` a fault.
 */

/** The first delay before coming back, the longest, and the longest that a gateway may wish for. */
const [FIRST_DELAY_MS, LONGEST_DELAY_MS, LONGEST_WISH_MS] = [500, 30_000, 600_000];
/** A connection that lived so long was a good one: delays start small again, and a token may be renewed again. */
const STABLE_MS = 10_000;
/** Silence after which the gateway is asked whether it is there; how long it has to answer; how often to look. */
const [SILENCE_MS, NO_ANSWER_MS, WATCH_MS] = [30_000, 15_000, 5_000];
/** Codes after which coming back unchanged would end the same way. */
const FINAL_CODES = new Set([1000, 1002, 1003, 1007, 1008, 1009, 1010]);
const ADVICE = { 1000: 'done', 4401: 'new-token', 4403: 'ask-for-access', 4404: 'check-scan', 4429: 'close-others' };

/** A connection that ended, or that the gateway refused. */
class Ending extends Error {
    constructor(code, reason, retryAfterMs, isFinal = false) {
        super(reason);
        Object.assign(this, { code, retryAfterMs, isFinal });
    }
}

const lacking = (what) => new Ending(1006, `there is no ${what} here`, undefined, true);
const hasSockets = () => typeof WebSocket === 'function';

export class SluiceClient {
    #options; #base; #token; #filters; #rate;
    /** The position: the seq of the newest message delivered, and the life of the scan that it belongs to. */
    #seq; #epoch;
    #state = 'closed';
    #usesEvents; #socket = null; #abort = null;
    /** Counts attempts: whoever belongs to an earlier one has nothing to say any more. */
    #attempt = 0;
    #failures = 0; #socketFailures = 0; #renewed = false;
    #liveSince = 0; #heardAt = 0; #askedAt = 0;
    #timer; #watch;
    #waiting = new Map(); #lastID = 0;

    /** @param {Options} options */
    constructor(options) {
        if (!/^(?!\.{1,2}$)[A-Za-z0-9._~-]{1,128}$/.test(options.scanId ?? '')) {
            throw new TypeError('scanId: 1 to 128 characters of A-Z a-z 0-9 . _ ~ -');
        }
        this.#options = { transport: 'auto', ...options };
        const url = new URL(options.url ?? '/', globalThis.location?.href);
        this.#base = `${url.protocol.replace(/^ws/, 'http')}//${url.host}${url.pathname}`.replace(/\/+$/, '');
        this.#token = options.token;
        [this.#filters, this.#rate] = [options.filters ?? [], options.rate];
        [this.#seq, this.#epoch] = [options.since, options.epoch];
        this.#preferSockets();
    }

    /** The seq of the newest message delivered; with `epoch` it is where another client could go on. */
    get seq() { return this.#seq; }
    get epoch() { return this.#epoch; }
    get state() { return this.#state; }
    get #isPlaced() { return this.#seq != null && this.#epoch != null; }
    get scanId() { return this.#options.scanId; }

    /** Connects; also after a `closed`, from where it was. */
    open() {
        if (this.#state !== 'closed') return this;
        [this.#failures, this.#renewed] = [0, false];
        this.#connect();
        return this;
    }

    /** Ends the subscription for good. */
    close() {
        if (this.#state === 'closed') return;
        this.#detach();
        this.#tell('closed', { code: 1000, reason: 'closed here', advice: 'done' });
    }

    /**
     * Receive other types from now on; null: all. Like `setRate`, `refresh` and `ping` this resolves with the
     * gateway's answer, or with null where there is none to wait for; it holds for later connections too.
     */
    setFilters(filters) {
        this.#filters = filters ? [...filters] : [];
        return this.#change({ action: 'subscribe', filters: this.#filters });
    }

    /** Receive at most so many frames a second. */
    setRate(rate) {
        this.#rate = rate;
        return this.#change({ action: 'rate', messagesPerSecond: rate });
    }

    /** Go on with another token of the same user. */
    refresh(token) {
        this.#token = token;
        return this.#change({ action: 'refresh', token });
    }

    /** Asks the gateway for a sign of life; resolves with it and its round trip in `ms`, or with null. */
    async ping() {
        const sentAt = Date.now();
        const answer = await this.#request({ action: 'ping' });
        return answer && { ...answer, ms: Date.now() - sentAt };
    }

    async #connect() {
        const attempt = ++this.#attempt;
        [this.#heardAt, this.#askedAt] = [Date.now(), 0];
        this.#watch = setInterval(() => this.#lookAfter(), WATCH_MS);
        this.#tell('connecting');
        try {
            const token = this.#token ?? await this.#options.getToken?.();
            if (attempt !== this.#attempt) return;
            if (token && !/^[\w.~+/=-]+$/.test(token)) throw new Ending(4401, 'that is not a token');
            this.#token = token;
            if (typeof fetch !== 'function') throw lacking('fetch');
            await (this.#usesEvents ? this.#openEvents(attempt) : this.#openSocket(attempt));
        } catch (error) {
            if (attempt === this.#attempt) this.#ended(error);
        }
    }

    async #openSocket(attempt) {
        if (!hasSockets()) throw lacking('WebSocket');
        const query = this.#query();
        const ticket = this.#token && await this.#ticket();
        if (attempt !== this.#attempt) return;
        if (ticket) query.set('ticket', ticket);
        if (this.#isPlaced) query.set('epoch', this.#epoch);
        const protocols = this.#token && !ticket ? ['sluice.v1', `bearer.${this.#token}`] : [];
        const url = `${this.#base.replace(/^http/, 'ws')}/api/ws/scans/${this.scanId}?${query}`;
        const socket = this.#makeSocket(url, protocols);
        let opened = false;
        this.#socket = socket;
        socket.onopen = () => {
            if (attempt !== this.#attempt) return;
            opened = true;
            this.#socketFailures = 0;
            this.#tell('open');
        };
        socket.onmessage = ({ data }) => {
            if (attempt === this.#attempt && typeof data === 'string') this.#receive(data);
        };
        socket.onclose = ({ code, reason }) => {
            if (attempt !== this.#attempt) return;
            if (opened) this.#ended(new Ending(code, reason));
            else this.#askWhy(attempt);
        };
    }

    /** Throws where this place allows no such socket at all, as a page of https does for ws: coming back is no use. */
    #makeSocket(url, protocols) {
        try {
            return new WebSocket(url, protocols);
        } catch (error) {
            this.#usesEvents = this.#options.transport === 'auto';
            throw new Ending(1006, error.message, undefined, !this.#usesEvents);
        }
    }

    /** A ticket stands in the URL in the token's place; null if this gateway gives none. */
    async #ticket() {
        const response = await this.#fetch('/api/tickets', { method: 'POST' });
        if (!response.ok && response.status !== 404) throw await refusal(response);
        return response.ok ? (await response.json()).ticket : null;
    }

    /** Browsers do not tell why a WebSocket was refused, so ask for the scan in a way that does. */
    async #askWhy(attempt) {
        let ending = new Ending(1006, 'the WebSocket could not be opened');
        try {
            const response = await this.#fetch(`/api/scans/${this.scanId}`);
            if (!response.ok && response.status !== 404) ending = await refusal(response);
            else this.#usesEvents = ++this.#socketFailures > 1 && this.#options.transport === 'auto';
        } catch { /* The gateway is away altogether: come back later. */ }
        if (attempt === this.#attempt) this.#ended(ending);
    }

    async #openEvents(attempt) {
        const headers = { Accept: 'text/event-stream' };
        if (this.#isPlaced) headers['Last-Event-ID'] = `${this.#epoch}:${this.#seq}`;
        const response = await this.#fetch(`/api/scans/${this.scanId}/events?${this.#query()}`, { headers });
        if (attempt !== this.#attempt) return;
        if (!response.ok) {
            this.#preferSockets();
            throw await refusal(response);
        }
        if (!response.body?.getReader) throw lacking('fetch that streams');
        this.#tell('open');
        const [reader, decoder] = [response.body.getReader(), new TextDecoder()];
        for (let text = ''; ;) {
            const { value, done } = await reader.read();
            if (attempt !== this.#attempt) return;
            if (done) throw new Ending(1006, 'the event stream broke off');
            [this.#heardAt, this.#askedAt] = [Date.now(), 0];
            const events = (text + decoder.decode(value, { stream: true })).split('\n\n');
            text = events.pop();
            for (const event of events) if (attempt === this.#attempt) this.#receiveEvent(event);
        }
    }

    #preferSockets() {
        const { transport } = this.#options;
        this.#usesEvents = transport === 'sse' || (transport === 'auto' && !hasSockets());
    }

    #fetch(path, init = {}) {
        this.#abort ??= new AbortController();
        const headers = { ...init.headers };
        if (this.#token) headers.Authorization = `Bearer ${this.#token}`;
        return fetch(this.#base + path, { cache: 'no-store', ...init, headers, signal: this.#abort.signal });
    }

    #query() {
        const filters = this.#filters.join(',');
        const all = Object.entries({ since: this.#seq, filters, rate: this.#rate, wait: this.#options.wait });
        return new URLSearchParams(all.filter(([, value]) => (value ?? '') !== ''));
    }

    #receiveEvent(text) {
        let id = '', type = 'message', data = [];
        for (const line of text.split('\n')) {
            const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(line);
            if (field === 'id') id = value;
            else if (field === 'event') type = value;
            else if (field === 'data') data.push(value);
        }
        if (type === 'sluice.close') {
            const { code, reason } = parse(data.join('\n')) ?? {};
            this.#ended(new Ending(Number.isInteger(code) ? code : 1000, String(reason ?? 'scan removed')));
        } else if (data.length) {
            const epoch = id.slice(0, id.lastIndexOf(':'));
            // An event's id is all that tells of another life of the scan, should its first frame not have come.
            if (epoch && this.#isPlaced && epoch !== this.#epoch) this.#seq = 0;
            if (epoch) this.#epoch = epoch;
            this.#receive(data.join('\n'));
        }
    }

    #receive(text) {
        [this.#heardAt, this.#askedAt] = [Date.now(), 0];
        const frame = parse(text);
        if (frame === undefined) return;
        if (frame.type === 'batch') return this.#deliver(frame.messages);
        if (frame.type === 'lag') return this.#call('onLag', frame);
        if (frame.type === 'subscribed') this.#subscribed(frame);
        // A producer's `error` has a seq, the gateway's own has none.
        else if (typeof frame.seq === 'number') return this.#deliver([frame]);
        if (frame.type === 'tokenExpiring') this.#renew();
        this.#waiting.get(frame.id)?.(frame);
        this.#waiting.delete(frame.id);
        this.#call('onNotice', frame);
    }

    #subscribed({ seq, epoch, recovered, rate }) {
        // In another life of the scan its seqs begin anew.
        if (this.#seq > seq || (this.#isPlaced && this.#epoch !== epoch)) this.#seq = 0;
        this.#seq ??= seq;
        this.#epoch = epoch;
        this.#liveSince = Date.now();
        this.#tell('live', { recovered, rate });
    }

    #deliver(messages) {
        const fresh = messages.filter((message) => !(message.seq <= this.#seq));
        if (fresh.length === 0) return;
        this.#seq = fresh.at(-1).seq;
        for (const message of fresh) message.scanId ??= this.scanId;
        this.#call('onBatch', fresh);
        // A callback may close the client.
        for (const message of fresh) if (this.#state !== 'closed') this.#call('onMessage', message);
    }

    #change(action) {
        if (!this.#usesEvents) return this.#request(action);
        // An event stream takes no requests: open another one, which goes on where this one was.
        if (this.#state === 'open' || this.#state === 'live') {
            this.#detach();
            this.#connect();
        }
        return Promise.resolve(null);
    }

    #request(action) {
        if (this.#socket?.readyState !== 1) return Promise.resolve(null);
        const id = ++this.#lastID;
        this.#socket.send(JSON.stringify({ ...action, id }));
        return new Promise((resolve) => this.#waiting.set(id, resolve));
    }

    async #renew() {
        if (!this.#options.getToken) return;
        const attempt = this.#attempt;
        try {
            const token = await this.#options.getToken();
            if (attempt === this.#attempt) await this.refresh(token);
        } catch { /* The old token still serves; when it ends, 4401 asks once more. */ }
    }

    /** A connection can die without a word: ask one that is silent, give up one that does not answer. */
    #lookAfter() {
        const now = Date.now();
        if (now - this.#heardAt < SILENCE_MS) return;
        if (this.#askedAt === 0) {
            this.#askedAt = now;
            this.#request({ action: 'ping' });
        } else if (now - this.#askedAt >= NO_ANSWER_MS) {
            this.#ended(new Ending(1006, 'no sign of life'));
        }
    }

    #ended(error) {
        const [code, reason] = [error instanceof Ending ? error.code : 1006, error.message];
        const isStable = this.#liveSince > 0 && Date.now() - this.#liveSince >= STABLE_MS;
        if (isStable) [this.#failures, this.#renewed] = [0, false];
        this.#detach();
        if (code === 4401 && this.#options.getToken && !this.#renewed) {
            this.#renewed = true;
            this.#token = undefined;
            return this.#reconnect(Math.round(Math.random() * FIRST_DELAY_MS), code, reason);
        }
        if (error.isFinal || FINAL_CODES.has(code) || (code >= 4400 && code < 4500)) {
            const advice = reason === 'heartbeat timeout' ? 'reconnect' : ADVICE[code] ?? 'report';
            return this.#tell('closed', { code, reason, advice });
        }
        const longest = Math.min(FIRST_DELAY_MS * 2 ** this.#failures++, LONGEST_DELAY_MS);
        const wish = error.retryAfterMs ?? parse(reason)?.retryAfterMs;
        // A wish is kept, and a little more, so that those who were told the same do not all come at once.
        this.#reconnect(wish >= 0 ? Math.round(Math.min(wish, LONGEST_WISH_MS) * (1 + Math.random() / 5))
            : Math.round(longest * (1 + Math.random()) / 2), code, reason);
    }

    #reconnect(inMs, code, reason) {
        this.#timer = setTimeout(() => this.#connect(), inMs);
        this.#tell('reconnecting', { inMs, code, reason });
    }

    #detach() {
        this.#attempt += 1;
        this.#liveSince = 0;
        clearTimeout(this.#timer);
        clearInterval(this.#watch);
        this.#socket?.close(1000);
        this.#abort?.abort();
        this.#socket = this.#abort = null;
        for (const resolve of this.#waiting.values()) resolve(null);
        this.#waiting.clear();
    }

    #tell(state, more = {}) {
        this.#state = state;
        this.#call('onState', { state, transport: this.#usesEvents ? 'sse' : 'websocket', ...more });
    }

    /** What a callback throws is its own affair: the next message comes all the same. */
    #call(name, value) {
        try {
            this.#options[name]?.(value);
        } catch (error) {
            console.error(`SluiceClient: ${name} threw`, error);
        }
    }
}

/** An HTTP refusal, as the close code that a WebSocket would have ended with. */
async function refusal(response) {
    const problem = parse(await response.text().catch(() => ''));
    const reason = String(problem?.detail ?? problem?.title ?? `HTTP ${response.status}`);
    const seconds = Number.parseInt(response.headers.get('Retry-After'), 10);
    if (response.status === 429 || response.status >= 500) {
        return new Ending(1013, reason, seconds >= 0 ? seconds * 1000 : undefined);
    }
    return new Ending({ 401: 4401, 403: 4403, 404: 4404 }[response.status] ?? 1008, reason);
}

/** What a JSON text says, as an object; undefined for other texts. */
function parse(text) {
    try {
        return Object(JSON.parse(text));
    } catch {
        return undefined;
    }
}
