/** What ends, refusals and times mean. Nothing here knows a socket or a clock. */

/** The first delay before coming back at most, the longest, and the longest that a gateway may wish for. */
const [FIRST_DELAY_MS, LONGEST_DELAY_MS, LONGEST_WISH_MS] = [1_000, 30_000, 600_000];
/** Frames to the gateway a second, and at once: below what it closes for with 1008. */
const [ACTION_RATE, ACTION_BURST] = [8, 16];
/** Codes after which coming back unchanged would end the same way. */
const FINAL_CODES = new Set([1000, 1002, 1003, 1007, 1008, 1009, 1010]);
/** @type {Record<number, string>} */
const ADVICE = { 1000: 'done', 4401: 'new-token', 4403: 'ask-for-access', 4404: 'check-scan', 4429: 'close-others' };
/**
 * How the gateway refuses one scan on a socket of many, as the code that would have closed a socket of one.
 *
 * @type {Record<string, number>}
 */
const REFUSALS = {
    forbidden: 4403, scan_not_found: 4404, invalid_scan_id: 1008, invalid_parameter: 1008, too_many_subscriptions: 1008,
};

/** A connection that ended, or a refusal, as the close code that a WebSocket would have ended with. */
export class SluiceError extends Error {
    /**
     * @param {number} code
     * @param {string} reason
     * @param {{ retryAfterMs?: number, isFinal?: boolean, status?: number, problem?: string }} [more]
     */
    constructor(code, reason, more = {}) {
        super(reason);
        this.name = 'SluiceError';
        this.code = code;
        this.retryAfterMs = more.retryAfterMs;
        this.isFinal = more.isFinal ?? false;
        this.status = more.status;
        this.problem = more.problem;
    }
}

/**
 * What the end of a connection asks for: to come back, or what else.
 *
 * @param {{ code: number, message: string, isFinal?: boolean }} ending
 * @returns {{ comesBack: boolean, advice?: string }}
 */
export function verdict({ code, message, isFinal }) {
    if (code === 1000 && message === 'heartbeat timeout') return { comesBack: true };
    const isOver = isFinal || FINAL_CODES.has(code) || (code >= 4400 && code < 4500);
    return isOver ? { comesBack: false, advice: ADVICE[code] ?? 'report' } : { comesBack: true };
}

/** @param {{ code: string, message: string }} frame */
export function scanRefusal({ code, message }) {
    return new SluiceError(REFUSALS[code] ?? 1013, message, { problem: code });
}

/** Some time within the first delay: for those who are told the same at once. */
export function jitter() {
    return Math.round(Math.random() * FIRST_DELAY_MS);
}

/** Delays before coming back: full jitter, doubling, so that those who were lost together do not come together. */
export class Backoff {
    #failures = 0;

    /** @param {() => number} [random] */
    constructor(random = () => Math.random()) {
        this.random = random;
    }

    reset() { this.#failures = 0; }

    /** @param {number} [wishMs] What the gateway wishes: kept, and a fifth more at most, for it told many. */
    next(wishMs) {
        const longest = Math.min(FIRST_DELAY_MS * 2 ** this.#failures++, LONGEST_DELAY_MS);
        if (wishMs === undefined || !(wishMs >= 0)) return Math.round(longest * this.random());
        return Math.round(Math.min(wishMs, LONGEST_WISH_MS) * (1 + this.random() / 5));
    }
}

/** When the next frame may go to the gateway, which closes for too many. */
export class Pace {
    #tokens = ACTION_BURST;
    #at = -Infinity;

    /**
     * @param {number} now In ms.
     * @returns {number} 0 if a frame may go, and then it counts; else how many ms to wait.
     */
    take(now) {
        const earned = ((now - this.#at) / 1_000) * ACTION_RATE;
        this.#tokens = Math.min(ACTION_BURST, this.#tokens + Math.max(0, earned));
        this.#at = now;
        if (this.#tokens < 1) return Math.ceil(((1 - this.#tokens) / ACTION_RATE) * 1_000);
        this.#tokens -= 1;
        return 0;
    }
}

