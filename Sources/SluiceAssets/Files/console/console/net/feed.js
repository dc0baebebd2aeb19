/**
 * Brings all messages of a scan into its store: what comes live over one connection, and everything before it and missing
 * in it in pages of history, the newest first.
 */
import * as gateway from '../../client.js';
import { Pace, Refusal } from './api.js';

const PAGE_SIZE = 1000;
const STATE_MS = 3_000;
const HIDDEN_STATE_MS = 15_000;
/** The most frequent hosts, ports and tags that are asked for. */
const FACET_VALUES = 200;
/** How long a scan that does not exist yet is waited for, in seconds: the longest that the gateway allows. */
const WAIT_SECONDS = 300;

export class Feed {
    /** The connection changed, or how much is loaded, or what the gateway says of the scan. */
    onChange = () => {};
    /** The token is about to end, or has: `expiring` or `ended`. */
    onToken = () => {};

    #client = null;
    #abort = new AbortController();
    #pace = new Pace();
    #isLoading = false;
    #isCounting = false;
    #stateTimer;
    #loadTimer;
    /** The last seq that came live; null while what comes next does not follow on it. */
    #position = null;
    /** The newest seq of the scan, as the gateway said a look ago: what came since may still be on its way here. */
    #settled = 0;
    #openedAt = 0;
    #said = 0;

    constructor(api, scanId, store) {
        [this.api, this.scanId, this.store] = [api, scanId, store];
        this.connection = { state: 'connecting' };
        /** What the gateway says of the scan; null before its first word, or where there is no such channel. */
        this.state = null;
        this.stateAt = null;
        /** Findings by severity, host, port and tag as the gateway counted them; null before its first answer. */
        this.facets = null;
        this.isFound = null;
        this.refusal = null;
        this.frames = 0;
        this.roundTripMs = null;
    }

    open() {
        this.#connect();
        this.#look();
        return this;
    }

    close() {
        this.#abort.abort();
        clearTimeout(this.#stateTimer);
        clearTimeout(this.#loadTimer);
        this.#client?.close();
        this.#client = null;
    }

    get isClosed() {
        return this.#abort.signal.aborted;
    }

    /** How much of the scan is here: `{loaded, total, isComplete}`; in seqs, as some messages are replaced by newer ones. */
    get progress() {
        const total = Math.max(this.store.head, this.#settled);
        const loaded = this.store.coverage.count(total);
        return { loaded, total, isComplete: this.isFound !== null && loaded >= total };
    }

    // Live

    #connect() {
        const client = new gateway.SluiceClient({
            url: this.api.base,
            scanId: this.scanId,
            token: this.api.session.token ?? undefined,
            wait: WAIT_SECONDS,
            times: true,
            // What is missing is read here, the newest first, and does not hold up what comes.
            fill: false,
            delivery: 'frame',
            onBatch: (messages) => client === this.#client && this.#take(messages),
            onLag: (lag) => client === this.#client && this.#lagged(lag),
            onState: (state) => client === this.#client && this.#changed(state),
            onNotice: (notice) => client === this.#client && this.#heed(notice),
        });
        this.#client = client;
        client.open();
    }

    #take(messages) {
        this.frames += 1;
        const now = Date.now();
        const [first, last] = [messages[0].seq, messages.at(-1).seq];
        this.store.coverage.add(Math.min(this.#position === null ? first : this.#position + 1, first), last);
        this.#position = last;
        this.store.add(messages, messages.map((message) => message[gateway.RECEIVED_AT] ?? now));
        this.#loadSoon();
        this.onChange();
    }

    #lagged(lag) {
        this.#position = null;
        this.store.addLag(lag, Date.now());
        this.#loadSoon();
        this.onChange();
    }

    #changed(change) {
        const dueAt = change.state === 'reconnecting' ? change.at ?? Date.now() + change.inMs : null;
        this.connection = { ...change, dueAt };
        if (change.state !== 'live') this.#position = null;
        if (change.state === 'closed' && change.advice === 'new-token') this.onToken('ended');
        if (change.state === 'connecting') this.#openedAt = Date.now();
        // The page was asleep, or waited as long as one may for a scan to begin.
        const ended = this.#client;
        const isPatient = change.code === 4404 && Date.now() - this.#openedAt > WAIT_SECONDS * 500;
        if (change.state === 'closed' && (change.advice === 'reconnect' || isPatient)) setTimeout(() => ended === this.#client && ended?.open(), 1_000);
        if (change.state === 'live' || change.state === 'closed') this.#lookSoon();
        this.onChange();
    }

    #heed(notice) {
        if (notice.type === 'subscribed') {
            this.#adopt(notice.epoch);
            this.#settled = Math.max(this.#settled, notice.seq);
            // Live starts exactly behind this seq, or behind the place that the client came back with.
            this.#position = notice.recovered === false || this.store.head === 0 ? notice.seq : null;
            this.#loadSoon();
        }
        if (notice.type === 'scanStalled') this.store.stalled(Date.now() - (notice.silentFor ?? 0) * 1000);
        if (notice.type === 'scanResumed') this.store.resumed(Date.now());
        if (notice.type === 'tokenExpiring') this.onToken('expiring');
        this.onChange();
    }

    /** Another life of the scan: its seqs begin anew. */
    #adopt(epoch) {
        if (this.store.epoch === epoch) return true;
        const isFirst = this.store.epoch === null;
        this.store.reset(epoch);
        if (!isFirst) [this.#settled, this.#said, this.#position, this.facets] = [0, 0, null, null];
        return false;
    }

    /** Connects at once: a person does not want to wait. */
    retry() {
        this.#client?.close();
        this.#connect();
        this.#lookSoon();
    }

    /** Goes on with the session's new token. */
    async renew() {
        const { token } = this.api.session;
        this.refusal = null;
        if (this.#client && this.#client.state !== 'closed' && token) {
            const answer = await this.#client.refresh(token);
            if (answer?.type !== 'error') return this.#lookSoon();
        }
        this.retry();
    }

    /** Frames a second, at most; the gateway's answer. */
    setRate(rate) {
        return this.#client?.setRate(rate);
    }

    async ping() {
        const answer = await this.#client?.ping();
        this.roundTripMs = answer?.ms ?? null;
        this.onChange();
    }

    // What the gateway says of the scan

    #lookSoon() {
        clearTimeout(this.#stateTimer);
        if (!this.isClosed) this.#stateTimer = setTimeout(() => this.#look(), 50);
    }

    async #look() {
        clearTimeout(this.#stateTimer);
        let pause = document.hidden ? HIDDEN_STATE_MS : STATE_MS;
        try {
            const state = await this.api.state(this.scanId, { signal: this.#abort.signal });
            if (this.isClosed) return;
            this.#adopt(state.epoch);
            [this.state, this.stateAt, this.isFound, this.refusal] = [state, Date.now(), true, null];
            [this.#settled, this.#said] = [Math.max(this.#settled, Math.min(this.#said, state.seq)), state.seq];
            if (this.#position === null || this.connection.state !== 'live') this.#settled = Math.max(this.#settled, state.seq);
            if (state.outcome === 'stalled') this.store.stalled(state.last_message_at ?? Date.now());
            else if (this.store.isStalled) this.store.resumed(Date.now());
        } catch (error) {
            if (this.isClosed || !(error instanceof Refusal)) return;
            if (error.status === 404) await this.#lookForHistory();
            else if (!error.isPassing) this.refusal = error;
            pause = Math.max(pause, error.retryAfterMs ?? 0);
            if (error.status === 401 || error.status === 403) return this.onChange();
        }
        if (this.isClosed) return;
        this.#loadSoon();
        this.#count();
        this.onChange();
        this.#stateTimer = setTimeout(() => this.#look(), pause);
    }

    /** There is no such channel; its history may be there all the same. */
    async #lookForHistory() {
        this.state = null;
        if (this.isFound !== null && this.#settled > 0) return;
        try {
            const { value } = await this.api.messages(this.scanId, { order: 'desc', limit: 1 }, { signal: this.#abort.signal });
            const newest = value.messages?.at(-1)?.seq ?? 0;
            this.#adopt(value.epoch);
            [this.isFound, this.#settled] = [newest > 0, newest];
        } catch {
            this.isFound = false;
        }
    }

    /** Has the gateway count the findings up to the newest; it takes a large scan in several answers. */
    async #count() {
        if (this.#isCounting || this.store.epoch === null) return;
        this.#isCounting = true;
        try {
            while (!this.isClosed && !(this.facets?.isComplete && this.facets.seq >= this.#settled)) {
                const wait = this.#pace.wait(performance.now());
                if (wait > 0) await pause(wait);
                const { value, length } = await this.api.facets(this.scanId, { limit: FACET_VALUES }, { signal: this.#abort.signal });
                this.#pace.spend(length);
                if (value.epoch !== this.store.epoch) break;
                this.facets = value;
                this.onChange();
                if (value.isComplete) break;
            }
        } catch (error) {
            // The next look asks again.
            if (!(error instanceof Refusal) && error.name !== 'AbortError') throw error;
        } finally {
            this.#isCounting = false;
        }
    }

    // History

    #loadSoon() {
        if (this.#isLoading || this.isClosed || this.store.epoch === null) return;
        this.#isLoading = true;
        this.#loadTimer = setTimeout(() => this.#load(), 0);
    }

    /** Fills what is missing, page by page, the newest first. */
    async #load() {
        try {
            for (;;) {
                const head = Math.max(this.store.head, this.#settled);
                const gap = this.store.coverage.gaps(head).at(-1);
                if (!gap || this.isClosed) break;
                const wait = this.#pace.wait(performance.now());
                if (wait > 0) await pause(wait);
                if (!this.isClosed) await this.#loadPage(gap);
                this.onChange();
            }
        } finally {
            this.#isLoading = false;
        }
    }

    async #loadPage([first, last]) {
        const { epoch } = this.store;
        try {
            const query = { order: 'desc', before: last + 1, since: first - 1, limit: PAGE_SIZE };
            const { value, length } = await this.api.messages(this.scanId, query, { signal: this.#abort.signal });
            this.#pace.spend(length);
            if (this.store.epoch !== epoch) return;
            if (!this.#adopt(value.epoch)) return;
            const messages = value.messages.toReversed();
            // The page tells all there is from where the next one begins.
            this.store.coverage.add(value.next === null ? first : Math.min(Math.max(first, value.next), last), last);
            this.store.add(messages, Array.isArray(value.times) ? value.times.toReversed() : null);
        } catch (error) {
            if (!(error instanceof Refusal)) return;
            if (error.isPassing) return pause(Math.max(error.retryAfterMs ?? 0, 1_000));
            // There is nothing to be had: what is missing stays missing.
            if (error.status === 404) return this.store.coverage.add(first, last);
            this.refusal = error;
            await pause(3_000);
        }
    }
}

const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
