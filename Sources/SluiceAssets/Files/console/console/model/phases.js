/** The phases of a scan: when each began and ended and how far it is. Percent decides nothing; a terminal message does. */
import { shown } from './text.js';

/** Phases beyond it are not shown one by one. */
const PHASE_LIMIT = 60;

const first = (message, names) => names.map((name) => message[name]).find((value) => typeof value === 'number' && Number.isFinite(value));

export class Phases {
    /** In the order in which they began: `{name, startedAt, endedAt, percent, remaining, toldAt}`. */
    list = [];
    /** `running`, `completed` or `failed`; null before the first message. */
    outcome = null;
    /** What the `error` said that ended the scan. */
    error = null;
    startedAt = null;
    endedAt = null;

    get current() {
        return this.outcome === 'running' ? this.list.findLast((phase) => phase.endedAt === null) ?? null : null;
    }

    /** Takes the messages about the scan in the order of their seqs; `at` in milliseconds. */
    take(message, at) {
        this.startedAt ??= at;
        if (message.type === 'scanCompleted' || message.type === 'error') return this.#end(message, at);
        if (this.outcome !== 'running') [this.outcome, this.error, this.endedAt] = ['running', null, null];
        if (message.type === 'scanStarted') {
            [this.list, this.startedAt] = [[], at];
        } else if (message.type === 'phaseStarted') {
            this.#enter(nameOf(message) ?? 'phase', at, null);
        } else if (message.type === 'phaseCompleted') {
            const phase = this.list.find(({ name }) => name === nameOf(message));
            if (phase) phase.endedAt ??= at;
        } else if (message.type === 'scanProgress' || message.type === 'progress') {
            this.#advance(message, at);
        }
    }

    #end(message, at) {
        this.endedAt = at;
        this.outcome = message.type === 'error' ? 'failed' : 'completed';
        const said = message.message ?? message.error ?? message.reason ?? message.detail;
        this.error = message.type === 'error' ? shown(said === undefined ? 'The scanner gave no reason.' : said, 2_000) : null;
        for (const phase of this.list) phase.endedAt ??= at;
    }

    #advance(message, at) {
        const percent = first(message, ['percent', 'progress', 'percentage']);
        const name = nameOf(message) ?? this.current?.name ?? 'progress';
        const phase = this.#enter(name, at, percent === undefined ? null : Math.min(Math.max(percent, 0), 100));
        const remaining = first(message, ['remaining', 'remainingSeconds', 'eta']);
        if (phase && remaining >= 0) [phase.remaining, phase.toldAt] = [remaining, at];
    }

    #enter(name, at, percent) {
        let phase = this.list.find((known) => known.name === name);
        if (phase && phase.endedAt !== null && percent === null) phase.endedAt = null;
        if (!phase) {
            if (this.list.length >= PHASE_LIMIT) return null;
            // One that begins tells that the ones before it are over; scanners seldom say so themselves.
            for (const earlier of this.list) earlier.endedAt ??= at;
            phase = { name, startedAt: at, endedAt: null, percent: null, remaining: null, toldAt: null };
            this.list.push(phase);
        }
        if (percent !== null) phase.percent = percent;
        return phase;
    }

    /** Seconds that the current phase says it still needs; else what its percentage comes to; null where nobody knows. */
    remaining(now) {
        const phase = this.current;
        if (!phase) return null;
        if (phase.remaining !== null) return Math.max(0, phase.remaining - (now - phase.toldAt) / 1000);
        if (phase.percent === null || phase.percent < 2 || phase.percent >= 100 || phase.startedAt === null) return null;
        const spent = (now - phase.startedAt) / 1000;
        return spent > 5 ? spent * (100 - phase.percent) / phase.percent : null;
    }
}

function nameOf(message) {
    const name = message.phase ?? message.name ?? message.stage;
    return typeof name === 'string' && name !== '' ? shown(name, 80) : null;
}
