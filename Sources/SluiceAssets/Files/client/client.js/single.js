/**
 * @typedef {import('../client').HistoryOptions} HistoryOptions
 * @typedef {import('../client').Options} Options
 */

import { SINGLE, SluiceConnection } from './connection.js';

/** One scan on a connection of its own, whose frames compress better than those of many. */
export class SluiceClient {
    #connection; #subscription;

    /** @param {Options} options */
    constructor(options) {
        const { scanId, onState, onNotice, ...rest } = options;
        const connection = { ...rest, onNotice, [SINGLE]: true };
        this.#connection = new SluiceConnection(connection);
        this.#subscription = this.#connection.subscribe(scanId, { ...rest, onState, onNotice });
    }

    get scanId() { return this.#subscription.scanId; }
    get seq() { return this.#subscription.seq; }
    get epoch() { return this.#subscription.epoch; }
    get state() { return this.#subscription.state; }

    open() {
        this.#connection.open();
        return this;
    }

    close() { this.#connection.close(); }
    retryNow() { this.#connection.retryNow(); }

    /** @param {string[] | null} filters */
    setFilters(filters) { return this.#subscription.setFilters(filters); }

    /** @param {number} rate */
    setRate(rate) { return this.#subscription.setRate(rate); }

    /** @param {string} token */
    refresh(token) { return this.#connection.refresh(token); }
    ping() { return this.#connection.ping(); }

    /** @param {HistoryOptions} [options] */
    history(options) { return this.#subscription.history(options); }

    [Symbol.asyncIterator]() { return this.#subscription[Symbol.asyncIterator](); }
}
