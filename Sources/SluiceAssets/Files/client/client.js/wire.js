/** The frames to a gateway on one socket, and who awaits the answers. */

import { Pace } from './rules.js';

export class Wire {
    /** @type {any} */
    #socket = null;
    #pace = new Pace();
    /**
     * Answers that are awaited, by id.
     *
     * @type {Map<number, (frame: any) => void>}
     */
    #waiting = new Map();
    /** @type {string[]} */
    #outbox = [];
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    #timer;
    lastID = 0;

    get isOpen() { return this.#socket?.readyState === 1; }

    /** @param {any} socket */
    use(socket) {
        this.#socket = socket;
        this.#pace = new Pace();
    }

    close() {
        clearTimeout(this.#timer);
        this.#socket?.close(1000);
        [this.#socket, this.#outbox] = [null, []];
        for (const resolve of this.#waiting.values()) resolve(null);
        this.#waiting.clear();
    }

    /**
     * Resolves with the gateway's answer, or with null where there is none to wait for.
     *
     * @param {object} action
     * @returns {Promise<any>}
     */
    request(action) {
        if (!this.isOpen) return Promise.resolve(null);
        const id = ++this.lastID;
        this.#outbox.push(JSON.stringify({ ...action, id }));
        this.#sendNext();
        return new Promise((resolve) => this.#waiting.set(id, resolve));
    }

    /**
     * A frame of the gateway's own came.
     *
     * @param {any} frame
     */
    answered(frame) {
        const resolve = this.#waiting.get(frame.id);
        this.#waiting.delete(frame.id);
        resolve?.(frame);
    }

    #sendNext() {
        clearTimeout(this.#timer);
        while (this.#outbox.length && this.isOpen) {
            const waitMs = this.#pace.take(Date.now());
            if (waitMs > 0) {
                this.#timer = setTimeout(() => this.#sendNext(), waitMs);
                return;
            }
            this.#socket.send(this.#outbox.shift());
        }
    }
}
