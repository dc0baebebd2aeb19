/**
 * The client of a Sluice gateway: follow scans as they run, each message once and in order, over reconnections, losses
 * and restarts. One ES module without dependencies, for browsers, bundlers and Node 18.
 */

/** A message as its scanner posted it, with the gateway's `seq` and `scanId`. All other fields are the scanner's own. */
export interface Message {
    /** Its number in its scan: rises strictly within an epoch. */
    seq: number;
    scanId: string;
    type: string;
    /** When the gateway took it, in ms since 1970; only with `times`. A symbol, so that no field of a scanner's is hidden. */
    [RECEIVED_AT]?: number;
    [field: string]: any;
}

/** The key under which a message says when the gateway took it. */
export const RECEIVED_AT: unique symbol;

/** What carries the messages. */
export type Transport = 'websocket' | 'sse';

/** What to do before `open()`, where a client does not come back by itself. */
export type Advice = 'done' | 'new-token' | 'ask-for-access' | 'check-scan' | 'close-others' | 'report';

/** How a connection or a subscription stands. */
export interface State {
    /**
     * `connecting`: on its way. `open`: connected, not yet subscribed. `live`: messages flow. `reconnecting`: waits until
     * `at`. `closed`: does not come back by itself; `advice` says what would help.
     */
    state: 'connecting' | 'open' | 'live' | 'reconnecting' | 'closed';
    transport: Transport;
    /** With `live`: false if something between `since` and now was not replayed. Gaps are filled all the same. */
    recovered?: boolean;
    /** With `live`: frames a second that the gateway grants. */
    rate?: number;
    /** With `reconnecting`: how long until the next attempt, and when that is (`Date.now()`'s clock). */
    inMs?: number;
    at?: number;
    /** With `reconnecting` and `closed`: the close code, 1006 for a lost connection. */
    code?: number;
    /** Likewise: why, in the gateway's words. */
    reason?: string;
    /** With `closed`. */
    advice?: Advice;
}

/** The gateway skipped messages of this subscription. It is news, not a loss: `onGap` says what became of them. */
export interface Lag {
    type: 'lag';
    scanId: string;
    skippedMessages: number;
    /** The last seq before the gap. */
    since: number;
    reason: 'slow_client' | 'overflow' | 'history_evicted';
}

/** A gap that is being filled from history, or was. */
export interface Gap {
    /** The last seq before it. */
    since: number;
    /** Of the messages that the gateway skipped so far: how many came from history, and how many there are. */
    loaded: number;
    total: number;
    /** Whether it is over: filled, or given up. */
    done: boolean;
    /** Those that did not come; with `done`, history holds them no more, and superseded state counts among the others. */
    lost: number;
}

/** The scan began a new life: its seqs begin anew, and what was shown of the old one is over. */
export interface EpochChange {
    epoch: string;
    previous: string;
}

/** Any other frame of the gateway's own: `subscribed`, `scanStalled`, `scanResumed`, `tokenExpiring`, `error` (a `code`). */
export interface Notice {
    type: string;
    scanId?: string;
    code?: string;
    message?: string;
    [field: string]: any;
}

export interface ConnectionOptions {
    /**
     * The gateway, as http(s) or ws(s); a path before `/api` is kept. Default: the page's origin. Several are gateways
     * that share their scans: what one does not take goes on at the next, where it was.
     */
    url?: string | readonly string[];
    /** A JWT. It travels in headers only, never in a URL. Without one, cookies have to do. */
    token?: string;
    /** Gives a new JWT: at first, if there is no `token`, a minute before the old one expires, and after a 401. */
    getToken?: () => string | Promise<string>;
    /** `auto`, the default: event streams where WebSockets cannot pass, or where there are none. */
    transport?: 'auto' | Transport;
    /** For places without a global WebSocket: a class like it, such as that of Node's `ws`. */
    WebSocket?: new (url: string, protocols?: string[]) => any;
    /** For places without a global fetch, or to add to it. */
    fetch?: typeof fetch;
    /** Messages come with the time when the gateway took them, under `RECEIVED_AT`. */
    times?: boolean;
    /** `frame`: `onMessages` is called once per animation frame at most (four times a second in a hidden tab). */
    delivery?: 'immediate' | 'frame';
    /** Frames a second and scan while the tab is hidden (1); null: as when it is visible. */
    hiddenRate?: number | null;
    onState?: (state: State) => void;
    onNotice?: (notice: Notice) => void;
}

export interface SubscriptionOptions {
    /** Replay what is kept after this seq; 0: all. Without it: what comes from now on. */
    since?: number;
    /** The epoch that `since` belongs to. */
    epoch?: string;
    /** Receive these types only (critical ones always come). No commas in them. */
    filters?: string[] | null;
    /** At most so many frames a second. */
    rate?: number;
    /** Wait so many seconds (300 at most) for a scan that does not exist yet. */
    wait?: number;
    /** Fill gaps from history (true). False: a gap stays, as `onLag` tells it. */
    fill?: boolean;
    /** All that came together, in order; the array is the receiver's. */
    onMessages?: (messages: Message[]) => void;
    onMessage?: (message: Message) => void;
    onState?: (state: State) => void;
    onLag?: (lag: Lag) => void;
    /** A gap began to be filled, goes on, or is over. */
    onGap?: (gap: Gap) => void;
    onEpoch?: (change: EpochChange) => void;
    onNotice?: (notice: Notice) => void;
}

export interface HistoryOptions {
    /** After this seq (0). Upwards only. */
    since?: number;
    /** Before this seq. */
    before?: number;
    filters?: string[] | null;
    /** Those whose `severity` is one of these, in any case. */
    severity?: string[];
    /** Those in whose bytes this text stands. */
    q?: string;
    /** `desc`: newest first. */
    order?: 'asc' | 'desc';
    /** Messages a page (1000, which is the most). */
    limit?: number;
    signal?: AbortSignal;
}

export interface HistoryPage {
    scanId: string;
    epoch: string;
    messages: Message[];
    /** Where the next page begins: its `since`, or in `desc` its `before`; null at the end. */
    next: number | null;
}

/** An answer of the gateway's that is a refusal, or a connection that ended. */
export class SluiceError extends Error {
    /** As a close code: 4401 new token, 4403 forbidden, 4404 no such scan, 1013 later, 1006 nobody there. */
    code: number;
    /** The HTTP status, if it was one, and the problem's stable code, such as `invalid_token`. */
    status?: number;
    problem?: string;
    retryAfterMs?: number;
}

/**
 * One connection to a gateway, for any number of scans (100 by the gateway's default).
 *
 *     const gateway = new SluiceConnection({ getToken }).open();
 *     const nightly = gateway.subscribe('nightly', { since: 0 });
 *     nightly.addEventListener('messages', ({ detail }) => show(detail));
 *     for await (const message of gateway.subscribe('other', { since: 0 })) …
 *
 * Events, beside the callbacks: `state` and `notice`, each with its value as `detail`.
 */
export class SluiceConnection extends EventTarget {
    constructor(options?: ConnectionOptions);
    readonly state: State['state'];
    readonly transport: Transport;
    /** The whole of the state that was told last. */
    readonly status: State;
    /** By scan id. */
    readonly subscriptions: ReadonlyMap<string, Subscription>;
    /** Connects; also after a `closed`, each scan from where it was. */
    open(): this;
    /** Ends all subscriptions. `open()` takes them up again. */
    close(): void;
    /** While `reconnecting`: now instead of later. */
    retryNow(): void;
    /** Follows a scan; a scan that is followed already is followed anew, with these options, by a new subscription. */
    subscribe(scanId: string, options?: SubscriptionOptions): Subscription;
    /** Goes on with another token of the same user; null where there is no answer to wait for. */
    refresh(token: string): Promise<Notice | null>;
    /** Asks for a sign of life; its round trip in `ms`, or null. */
    ping(): Promise<(Notice & { ms: number }) | null>;
    /** A request to the gateway, with the token; a 401 asks for a new one and tries once more. Refusals are returned. */
    fetch(path: string, init?: RequestInit): Promise<Response>;
    /** The JSON of an answer. Throws `SluiceError` for a refusal. 429 and 503 are waited for, 3 times at most. */
    json(path: string, init?: RequestInit): Promise<any>;
    /** A page of a scan's history. */
    page(scanId: string, options?: HistoryOptions): Promise<HistoryPage>;
    /** A scan's history, page after page, in order. */
    history(scanId: string, options?: HistoryOptions): AsyncGenerator<Message, void, void>;
}

/**
 * A scan that is followed. Events, beside the callbacks: `messages`, `state`, `lag`, `gap`, `epoch` and `notice`, each
 * with its value as `detail`.
 *
 * As an async iterable it gives each message from where it stands, in order. What its reader does not take in time is
 * read from history later: nothing piles up (10,000 messages at most). The loop ends when the subscription is `closed`,
 * and throws if that was a refusal.
 */
export class Subscription extends EventTarget implements AsyncIterable<Message> {
    private constructor();
    readonly scanId: string;
    readonly state: State['state'];
    readonly status: State;
    /** The newest message delivered; with `epoch` it is where another client could go on. */
    readonly seq: number | undefined;
    readonly epoch: string | undefined;
    /** Ends this one; others of the connection go on. */
    close(): void;
    /** Receive other types from now on; null: all. It holds for later connections too. */
    setFilters(filters: string[] | null): Promise<Notice | null>;
    /** Receive at most so many frames a second. */
    setRate(rate: number): Promise<Notice | null>;
    history(options?: HistoryOptions): AsyncGenerator<Message, void, void>;
    [Symbol.asyncIterator](): AsyncIterator<Message>;
}

/** `SluiceConnection`'s and `Subscription`'s options in one. */
export interface Options extends Omit<ConnectionOptions, 'onState' | 'onNotice'>, SubscriptionOptions {
    scanId: string;
    /** Called as `onMessages`; the name of earlier versions. */
    onBatch?: (messages: Message[]) => void;
}

/**
 * One scan on a connection of its own, whose frames compress better than those of many.
 *
 *     const client = new SluiceClient({ scanId: 'nightly', since: 0, getToken, onMessage: console.log }).open();
 */
export class SluiceClient implements AsyncIterable<Message> {
    constructor(options: Options);
    readonly scanId: string;
    readonly seq: number | undefined;
    readonly epoch: string | undefined;
    readonly state: State['state'];
    open(): this;
    close(): void;
    retryNow(): void;
    setFilters(filters: string[] | null): Promise<Notice | null>;
    setRate(rate: number): Promise<Notice | null>;
    refresh(token: string): Promise<Notice | null>;
    ping(): Promise<(Notice & { ms: number }) | null>;
    history(options?: HistoryOptions): AsyncGenerator<Message, void, void>;
    [Symbol.asyncIterator](): AsyncIterator<Message>;
}
