/**
 * Texts for the eye. What scanners send is hostile: it is shown as it is, in bounds, with what would hide or move
 * other text written out.
 */

const SHOWN_LIMIT = 400;
const numbers = new Intl.NumberFormat('en');
const clocks = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const minutes = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const days = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });

/** Text with the characters written out that would move or hide others: controls, and marks of direction. */
export function plain(text) {
    return text.replace(/[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g, (character) =>
        `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Any value as one line of text, cut to a length. */
export function shown(value, limit = SHOWN_LIMIT) {
    const text = typeof value === 'string' ? value : JSON.stringify(value) ?? '';
    return plain((text.length > limit ? `${text.slice(0, limit)}…` : text).replace(/[\n\t\r]+/g, ' '));
}

/** Any value as text that may have lines, cut to a length. */
export function shownLines(value, limit = 20_000) {
    const text = typeof value === 'string' ? value : JSON.stringify(value, null, 2) ?? '';
    return plain((text.length > limit ? `${text.slice(0, limit)}…` : text).replace(/\r\n?/g, '\n'));
}

export function count(number) {
    return Number.isFinite(number) ? numbers.format(number) : '–';
}

/** A number with its noun: `1 host`, `12 hosts`. */
export function many(number, noun) {
    return `${count(number)} ${noun}${number === 1 ? '' : 's'}`;
}

/** A large number in few characters: 999, 1.2k, 34k, 5.6M. */
export function compact(number) {
    if (!Number.isFinite(number)) return '–';
    for (const [unit, size] of [['M', 1e6], ['k', 1e3]]) {
        if (number >= size * 0.9995) return `${(number / size).toFixed(number < size * 9.95 ? 1 : 0).replace(/\.0$/, '')}${unit}`;
    }
    return String(number < 10 ? Math.round(number * 10) / 10 : Math.round(number));
}

export function bytes(number) {
    if (!Number.isFinite(number)) return '–';
    if (number < 1024) return `${number} B`;
    const power = Math.min(Math.floor(Math.log2(number) / 10), 4);
    return `${(number / 1024 ** power).toFixed(1)} ${['B', 'KiB', 'MiB', 'GiB', 'TiB'][power]}`;
}

/** Seconds as a person says them. */
export function duration(seconds) {
    if (!Number.isFinite(seconds)) return '';
    const whole = Math.max(0, Math.round(seconds));
    const [dayCount, hours, minuteCount] = [Math.floor(whole / 86_400), Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60];
    if (dayCount > 0) return `${dayCount} d ${hours} h`;
    if (hours > 0) return `${hours} h ${minuteCount} min`;
    if (minuteCount > 0) return `${minuteCount} min${minuteCount < 10 && whole % 60 ? ` ${whole % 60} s` : ''}`;
    return `${whole} s`;
}

/** How long ago, in the largest unit: `now`, `12 s`, `5 min`, `3 h`, `2 d`. */
export function ago(at, now) {
    if (!Number.isFinite(at)) return '–';
    const seconds = Math.max(0, Math.floor((now - at) / 1000));
    if (seconds < 2) return 'now';
    if (seconds < 60) return `${seconds} s ago`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
    if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
    return `${Math.floor(seconds / 86_400)} d ago`;
}

/** Digital for a running clock: `2:05`, `1:02:05`. */
export function stopwatch(seconds) {
    const whole = Math.max(0, Math.floor(seconds));
    const two = (number) => String(number).padStart(2, '0');
    const [hours, minute, second] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
    return hours > 0 ? `${hours}:${two(minute)}:${two(second)}` : `${minute}:${two(second)}`;
}

export const clock = (at) => Number.isFinite(at) ? clocks.format(at) : '';
export const minute = (at) => Number.isFinite(at) ? minutes.format(at) : '';
/** A moment: the time alone where it is of today. */
export function moment(at, now) {
    if (!Number.isFinite(at)) return '–';
    return new Date(at).toDateString() === new Date(now).toDateString() ? minutes.format(at) : days.format(at);
}
export const fullMoment = (at) => Number.isFinite(at) ? `${new Date(at).toISOString().replace('T', ' ').slice(0, 23)} UTC` : '';
