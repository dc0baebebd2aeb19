/**
 * Requests to the gateway, with the token that is current.
 *
 * @typedef {import('../client').ConnectionOptions} ConnectionOptions
 * @typedef {import('../client').HistoryOptions} HistoryOptions
 * @typedef {import('../client').Message} Message
 */

import { RECEIVED_AT, checked, checkedScan, lacking, queryOf, refusal, sleep } from './common.js';
import { Backoff, SluiceError, verdict } from './rules.js';

/** How often a page is asked for that the gateway, or the network, refuses for now. */
export const MOST_TRIES = 20;
/** Messages of a page, the most that a gateway gives. */
const PAGE = 1_000;

export class Access {
    /** @type {Promise<string> | null} */
    #asking = null;

    /** @param {ConnectionOptions} options */
    constructor({ url, token, getToken, fetch = globalThis.fetch?.bind(globalThis), times }) {
        const place = new URL(url ?? '/', globalThis.location?.href);
        this.base = `${place.protocol.replace(/^ws/, 'http')}//${place.host}${place.pathname}`.replace(/\/+$/, '');
        this.token = token;
        this.getToken = getToken;
        this.fetcher = fetch;
        this.times = times || undefined;
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
    ask(path, init = {}) {
        const given = init.headers instanceof Headers ? Object.fromEntries(init.headers) : init.headers;
        const headers = /** @type {Record<string, string>} */ ({ ...given });
        if (this.token) headers.Authorization = `Bearer ${this.token}`;
        // Behind a host's name anything else could be part of another one, which the token is not for.
        if (!path.startsWith('/')) throw new TypeError('path: begins with a slash');
        const fetch = /** @type {typeof globalThis.fetch} */ (this.fetcher);
        return fetch(this.base + path, { cache: 'no-store', ...init, headers });
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
                const response = await this.fetch(path, init);
                if (response.ok) return await response.json();
                error = await refusal(response);
            } catch (failure) {
                if (!isPatient || init.signal?.aborted || failure instanceof SluiceError) throw failure;
                error = new SluiceError(1006, String(failure));
            }
            if (!verdict(error).comesBack || count >= tries) throw error;
            await sleep(backoff.next(error.retryAfterMs), init.signal);
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
