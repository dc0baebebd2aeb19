/** Small things that several parts need. */

import { SluiceError } from './rules.js';

/** The key under which a message says when the gateway took it. */
export const RECEIVED_AT = Symbol('sluice.receivedAt');
export const lacking = (/** @type {string} */ what) => (
    new SluiceError(1006, `there is no ${what} here`, { isFinal: true }));
export const isHidden = () => globalThis.document?.visibilityState === 'hidden';
/** Tells `value` as an event. Node 18 has no CustomEvent. */
export function dispatch(/** @type {EventTarget} */ target, /** @type {string} */ name, /** @type {any} */ value) {
    const event = globalThis.CustomEvent
        ? new CustomEvent(name, { detail: value }) : Object.assign(new Event(name), { detail: value });
    target.dispatchEvent(event);
}

export const errorText = (/** @type {any} */ error) => String(error?.message ?? error);

/**
 * A scan's id, if it can be one.
 *
 * @param {string} scanId
 */
export function checkedScan(scanId) {
    if (/^(?!\.{1,2}$)[A-Za-z0-9._~-]{1,128}$/.test(scanId ?? '')) return scanId;
    throw new TypeError('scanId: 1 to 128 characters of A-Z a-z 0-9 . _ ~ -');
}

/**
 * A token, if it can be one.
 *
 * @param {string | undefined} token
 */
export function checked(token) {
    if (token && !/^[\w.~+/=-]+$/.test(token)) throw new SluiceError(4401, 'that is not a token');
    return token;
}

/**
 * What a callback throws is its own affair: the next message comes all the same.
 *
 * @param {string} name
 * @param {() => void} call
 */
export function attempt(name, call) {
    try {
        call();
    } catch (error) {
        console.error(`SluiceClient: ${name} threw`, error);
    }
}

/**
 * @param {number} ms
 * @param {AbortSignal | null} [signal]
 * @returns {Promise<void>}
 */
export function sleep(ms, signal) {
    return new Promise((resolve, reject) => {
        const stop = () => {
            clearTimeout(timer);
            reject(signal?.reason);
        };
        const timer = setTimeout(() => {
            signal?.removeEventListener('abort', stop);
            resolve();
        }, ms);
        signal?.addEventListener('abort', stop, { once: true });
    });
}

/**
 * A query of what has a value.
 *
 * @param {Record<string, any>} values
 */
export function queryOf(values) {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(values)) {
        const text = Array.isArray(value) ? value.join(',') : value;
        if ((text ?? '') !== '') query.set(name, String(text));
    }
    return query;
}

/**
 * The fields of one event (WHATWG HTML, section 9.2.6); comments have none.
 *
 * @param {string} text
 */
export function eventOf(text) {
    const event = { id: '', type: 'message', data: '' };
    const data = [];
    for (const line of text.split('\n')) {
        const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
        if (field === 'id') event.id = value;
        else if (field === 'event') event.type = value;
        else if (field === 'data') data.push(value);
    }
    return { ...event, data: data.join('\n') };
}

/**
 * An HTTP refusal, as the close code that a WebSocket would have ended with.
 *
 * @param {Response} response
 */
export async function refusal(response) {
    const problem = parse(await response.text().catch(() => ''));
    const reason = String(problem?.detail ?? problem?.title ?? `HTTP ${response.status}`);
    const seconds = Number.parseInt(response.headers.get('Retry-After') ?? '', 10);
    const isForNow = response.status === 429 || response.status >= 500;
    const code = isForNow ? 1013 : { 401: 4401, 403: 4403, 404: 4404 }[response.status] ?? 1008;
    const retryAfterMs = isForNow && seconds >= 0 ? seconds * 1_000 : undefined;
    return new SluiceError(code, reason, { retryAfterMs, status: response.status, problem: problem?.code });
}

/**
 * What a JSON text says, as an object; undefined for other texts.
 *
 * @param {string} text
 */
export function parse(text) {
    try {
        return Object(JSON.parse(text));
    } catch {
        return undefined;
    }
}
