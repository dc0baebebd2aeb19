/** The scans of the overview: pages put together, what happened between two looks, and what is worth a notice. */
import { countsByRank } from './severity.js';

/** Looks that a sparkline remembers of each scan. */
export const SAMPLES = 30;
const PERCENT_SAMPLES = 10;
export const TABS = ['all', 'running', 'stalled', 'failed', 'completed'];
/** Scans whose history of looks is remembered. */
const TRACE_LIMIT = 5_000;

export class ScanList {
    /** Scans in the gateway's order. */
    scans = [];
    next = null;
    /** Of the tabs: how many scans each has; null before the first answer. */
    tabs = null;
    total = null;
    criticals = null;
    /** What is remembered of each scan: `{at, count, rates, percents, outcome, criticals}`. */
    #traces = new Map();
    /** The newest message that was known of, now and at the look before this one, by the gateway's clock. */
    #heard = { at: null, to: null, before: null };

    /**
     * Takes a page. `isFirst` says that it is the head of the list; the following ones stay as they are until they are
     * asked for anew. Returns what happened since the last look: `{scan, what}`.
     */
    take(answer, now, isFirst = true) {
        const page = (Array.isArray(answer.scans) ? answer.scans : []).filter((scan) => typeof scan?.scan_id === 'string');
        if (now !== this.#heard.at) this.#heard = { at: now, to: this.#heard.to, before: this.#heard.to };
        for (const { last_message_at: at } of page) if (Number.isFinite(at)) this.#heard.to = Math.max(this.#heard.to ?? at, at);
        const events = [];
        for (const scan of page) events.push(...this.#compare(scan, this.#trace(scan, now)));
        const ids = new Set(page.map((scan) => scan.scan_id));
        const others = this.scans.filter((scan) => !ids.has(scan.scan_id));
        if (isFirst) this.scans = answer.next === null ? page : [...page, ...others.slice(0, this.scans.length > page.length ? others.length : 0)];
        else this.scans = [...others, ...page];
        if (!isFirst || this.scans.length <= page.length) this.next = answer.next ?? null;
        this.total = answer.total_scans ?? null;
        this.#totals(answer);
        return events;
    }

    /** Another search or order: what was listed is of no use. */
    clear() {
        [this.scans, this.next, this.total] = [[], null, null];
    }

    #totals(answer) {
        const outcomes = answer.outcomes ?? {};
        const of = (name) => Number.isFinite(outcomes[name]) ? outcomes[name] : 0;
        const all = answer.outcomes ? TABS.slice(1).reduce((sum, name) => sum + of(name), 0) : answer.total_scans;
        this.tabs = { all, ...Object.fromEntries(TABS.slice(1).map((name) => [name, of(name)])) };
        this.criticals = Number.isFinite(answer.severities?.critical) ? answer.severities.critical : null;
    }

    #trace(scan, now) {
        let trace = this.#traces.get(scan.scan_id);
        if (!trace) {
            if (this.#traces.size >= TRACE_LIMIT) this.#traces.delete(this.#traces.keys().next().value);
            this.#traces.set(scan.scan_id, trace = { at: null, count: 0, rates: [], percents: [], outcome: null, criticals: null });
        }
        if (trace.at !== null && now > trace.at) {
            trace.rates.push(Math.max(0, scan.message_count - trace.count) / ((now - trace.at) / 1000));
            if (trace.rates.length > SAMPLES) trace.rates.shift();
        }
        [trace.at, trace.count] = [now, scan.message_count];
        const last = trace.percents.at(-1);
        if (last && (last.phase !== scan.phase || scan.percent < last.percent)) trace.percents = [];
        if (Number.isFinite(scan.percent) && trace.percents.at(-1)?.percent !== scan.percent) {
            trace.percents.push({ phase: scan.phase, percent: scan.percent, at: now });
            if (trace.percents.length > PERCENT_SAMPLES) trace.percents.shift();
        }
        return trace;
    }

    #compare(scan, trace) {
        const { outcome, criticals } = trace;
        const now = countsByRank(scan.severities)[0];
        [trace.outcome, trace.criticals] = [scan.outcome, now];
        // One that was not seen before is news where it was heard since the look before.
        const isNew = outcome === null && this.#heard.before !== null && scan.last_message_at > this.#heard.before;
        const events = [];
        if ((outcome !== null || isNew) && outcome !== scan.outcome && scan.outcome !== 'running') events.push({ scan, what: scan.outcome });
        if ((criticals !== null || isNew) && now > (criticals ?? 0)) events.push({ scan, what: 'critical', count: now - (criticals ?? 0) });
        return events;
    }

    /** Messages a second at the last looks, the newest last. */
    rates(scanId) {
        return this.#traces.get(scanId)?.rates ?? [];
    }

    /** Seconds until the phase at hand is done, by how fast its percentage rose; null where that is not known. */
    remaining(scan, now) {
        const samples = this.#traces.get(scan.scan_id)?.percents ?? [];
        const [first, last] = [samples[0], samples.at(-1)];
        if (scan.outcome !== 'running' || !first || last.percent <= first.percent || last.percent >= 100) return null;
        const speed = (last.percent - first.percent) / (last.at - first.at);
        return Math.max(0, (100 - last.percent) / speed - (now - last.at)) / 1000;
    }
}
