/** Close codes and connection states in plain words. */
import { duration, shown } from './text.js';

/** Close code to what it means and what to do. */
export const CLOSE_CODES = {
    1000: ['Ended', 'The scan was completed or idle and its channel was removed. Its history can still be read.'],
    1001: ['Gateway stops', 'It is being restarted. Come back when its reason says.'],
    1002: ['Protocol error', 'The client broke RFC 6455.'],
    1003: ['Unsupported data', 'Clients send text, not binary frames.'],
    1005: ['Closed', 'The client closed without a code.'],
    1006: ['Connection lost', 'No close frame came: network, proxy or a refused handshake.'],
    1007: ['Not UTF-8', 'A text frame was not UTF-8.'],
    1008: ['Too fast', 'The client sent more frames than it may.'],
    1009: ['Too large', 'A client’s message was larger than 16 KiB.'],
    1011: ['Gateway’s fault', 'Something failed in the gateway; its log has more. Please report it.'],
    1013: ['Try later', 'The gateway is under load, or what it sent was not taken for too long.'],
    4401: ['Token ended', 'It expired or was revoked. Get a new one.'],
    4403: ['Not allowed', 'The token does not allow reading this scan, or an administrator ended the connection.'],
    4404: ['No such scan', 'Nothing was posted to it yet, or it is gone.'],
    4429: ['Too many connections', 'A newer connection of the same user took its place.'],
};

/** Reasons that say more than their code. */
const REASONS = {
    1000: {
        'scan deleted': ['Deleted', 'The scan was deleted, and its history with it.'],
        'heartbeat timeout': ['Not heard', 'The gateway heard nothing from here for too long: this device slept, or the network was away.'],
    },
    4401: { 'claims are read anew': ['Token read anew', 'The gateway now reads tokens otherwise. The same token may still hold.'] },
};

/** A close in words: a name, and what it means or what to do. */
export const explain = (code, reason = '') => REASONS[code]?.[reason] ?? CLOSE_CODES[code] ?? ['Closed', ''];

/**
 * A connection in one line: `{text, mood, canRetry}`, `mood` being `good`, `wait`, `warn` or `bad`.
 * `dueAt` is when the next attempt is made.
 */
export function connectionLine({ state, transport, code, reason, dueAt, isSignedOut }, now) {
    if (isSignedOut) return { text: 'Sign in to go on', mood: 'bad', canRetry: false };
    switch (state) {
        case 'live': return { text: transport === 'sse' ? 'Live, by event stream' : 'Live', mood: 'good', canRetry: false };
        case 'connecting': return { text: 'Connecting…', mood: 'wait', canRetry: false };
        case 'open': return { text: 'Waiting for the scan to begin', mood: 'wait', canRetry: false };
        case 'reconnecting': {
            const left = Math.max(0, Math.ceil(((dueAt ?? now) - now) / 1000));
            const why = code === 1001 ? 'The gateway is restarting' : code === 1013 ? 'The gateway is busy' : 'Connection lost';
            return { text: left > 0 ? `${why} · trying again in ${duration(left)}` : `${why} · trying again…`, mood: 'warn', canRetry: left > 0 };
        }
        case 'closed': return closedLine(code, reason);
        default: return { text: 'Not connected', mood: 'wait', canRetry: true };
    }
}

function closedLine(code, reason) {
    if (code === 1000 && reason === 'scan deleted') return { text: 'This scan was deleted', mood: 'bad', canRetry: false };
    if (code === 1000) return { text: 'History · the live channel has ended', mood: 'wait', canRetry: false };
    const [name] = CLOSE_CODES[code] ?? [`Closed (${shown(code)})`];
    return { text: reason && code !== 4404 && code !== 4401 ? `${name}: ${shown(reason, 160)}` : name, mood: 'bad', canRetry: code !== 4401 && code !== 4403 };
}
