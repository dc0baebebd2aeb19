/**
 * Requests to the gateway, with the token that is current.
 *
 * @typedef {import('../client').ConnectionOptions} ConnectionOptions
 * @typedef {import('../client').HistoryOptions} HistoryOptions
 * @typedef {import('../client').Message} Message
 */

import { RECEIVED_AT, checked, checkedScan, errorText, lacking, queryOf, refusal, sleep } from './common.js';
import { Backoff, SluiceError, verdict } from './rules.js';

/** How often a page is asked for that the gateway, or the network, refuses for now. */
export const MOST_TRIES = 20;
/** How long an answer may take, all of it: a connection can die without a word. */
const ANSWER_MS = 30_000;
/** Messages of a page, the most that a gateway gives. */
const PAGE = 1_000;

export class Access {
    /** @type {Promise<string> | null} */
    #asking = null;
    /**
     * Gateways that are one, and which of them is asked now.
     *
     * @type {string[]}
     */
    #bases;
    #place = 0;

    /** @param {ConnectionOptions} options */
    constructor({ url, token, getToken, fetch = globalThis.fetch?.bind(globalThis), times }) {
        this.#bases = (Array.isArray(url) && url.length > 0 ? url : [url]).map((each) => {
            const place = new URL(each ?? '/', globalThis.location?.href);
            return `${place.protocol.replace(/^ws/, 'http')}//${place.host}${place.pathname}`.replace(/\/+$/, '');
        });
        this.token = token;
        this.getToken = getToken;
        this.fetcher = fetch;
        this.times = times || undefined;
    }

    get base() { return this.#bases[this.#place]; }

    /**
     * The gateway there is away: from now on the next one is asked, if there are several.
     *
     * @param {string} base
     */
    goOn(base) {
        if (base === this.base) this.#place = (this.#place + 1) % this.#bases.length;
    }

    /** Has a token, if there is a way to get one. */
    async prepare() {
        if (typeof this.fetcher !== 'function') throw lacking('fetch');
        if (!this.token && this.getToken) await this.newToken();
        checked(this.token);
    }

    /** Asks for a new token; those who ask at once share the answer. */
    newToken() {
        this.#asking ??= (async () => {
            try {
                const token = checked(await this.getToken?.()) ?? '';
                this.token = token;
                return token;
            } finally {
                this.#asking = null;
            }
        })();
        return this.#asking;
    }

    /**
     * One request, whatever is answered.
     *
     * @param {string} path
     * @param {RequestInit} [init]
     */
    async ask(path, init = {}) {
        const given = init.headers instanceof Headers ? Object.fromEntries(init.headers) : init.headers;
        const headers = /** @type {Record<string, string>} */ ({ ...given });
        if (this.token) headers.Authorization = `Bearer ${this.token}`;
        // Behind a host's name anything else could be part of another one, which the token is not for.
        if (!path.startsWith('/')) throw new TypeError('path: begins with a slash');
        const fetch = /** @type {typeof globalThis.fetch} */ (this.fetcher);
        const { base } = this;
        try {
            const response = await fetch(base + path, { cache: 'no-store', ...init, headers });
            if (response.status >= 500) this.goOn(base);
            return response;
        } catch (error) {
            // Who asked may have thought better of it; a gateway that takes too long is another matter.
            if (!init.signal?.aborted || init.signal.reason instanceof SluiceError) this.goOn(base);
            throw error;
        }
    }

    /**
     * The same, with a new token where the old one is refused.
     *
     * @param {string} path
     * @param {RequestInit} [init]
     */
    async fetch(path, init) {
        await this.prepare();
        const used = this.token;
        const response = await this.ask(path, init);
        if (response.status !== 401 || !this.getToken) return response;
        // Another request may have got a new one meanwhile.
        if (this.token === used) await this.newToken();
        return this.ask(path, init);
    }

    /**
     * @param {string} path
     * @param {RequestInit} init
     * @param {number} tries
     * @returns {Promise<any>}
     */
    async json(path, init, tries) {
        const backoff = new Backoff();
        // Who tries so often waits for a gateway that is away, too.
        const isPatient = tries === MOST_TRIES;
        for (let count = 1; ; count += 1) {
            let error;
            try {
                return await this.#inTime(path, init);
            } catch (failure) {
                if (init.signal?.aborted || !(isPatient || failure instanceof SluiceError)) throw failure;
                error = failure instanceof SluiceError ? failure : new SluiceError(1006, errorText(failure));
            }
            if (!verdict(error).comesBack || count >= tries) throw error;
            await sleep(backoff.next(error.retryAfterMs), init.signal);
        }
    }

    /**
     * What is answered, whole; an error where it is a refusal or takes too long.
     *
     * @param {string} path
     * @param {RequestInit} init
     */
    async #inTime(path, init) {
        const limit = new AbortController();
        const stop = () => limit.abort(init.signal?.reason);
        const timer = setTimeout(() => limit.abort(new SluiceError(1006, 'no answer in time')), ANSWER_MS);
        init.signal?.addEventListener('abort', stop, { once: true });
        try {
            init.signal?.throwIfAborted();
            const response = await this.fetch(path, { ...init, signal: limit.signal });
            if (!response.ok) throw await refusal(response);
            return await response.json();
        } finally {
            clearTimeout(timer);
            init.signal?.removeEventListener('abort', stop);
        }
    }

    /**
     * @param {string} scanId
     * @param {HistoryOptions} options
     * @param {number} [tries]
     */
    async page(scanId, { signal, ...options }, tries = 3) {
        const query = queryOf({ limit: PAGE, ...options, times: this.times });
        const page = await this.json(`/api/scans/${checkedScan(scanId)}/messages?${query}`, { signal }, tries);
        for (const [index, message] of page.messages.entries()) {
            message.scanId ??= scanId;
            if (page.times) message[RECEIVED_AT] = page.times[index];
        }
        return page;
    }

    /**
     * @param {string} scanId
     * @param {HistoryOptions} [options]
     * @returns {AsyncGenerator<Message, void, void>}
     */
    async *history(scanId, options = {}) {
        let place = options.order === 'desc' ? options.before : options.since;
        for (let epoch; ;) {
            const at = options.order === 'desc' ? { before: place } : { since: place };
            const page = await this.page(scanId, { ...options, ...at }, MOST_TRIES);
            if (epoch && epoch !== page.epoch) throw new SluiceError(1006, 'the scan began anew');
            epoch = page.epoch;
            yield* page.messages;
            if (page.next === null) return;
            place = page.next;
        }
    }
}
