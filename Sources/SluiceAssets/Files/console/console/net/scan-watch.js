/** Looks at the list of scans again and again, for the overview and for notifications; nobody who looks twice is asked twice. */
import { ScanList } from '../model/scan-list.js';
import { Refusal } from './api.js';

/** Scans that are looked at again and again, and of a page further down. */
const [PAGE, NEXT_PAGE] = [100, 500];
const [LOOK_MS, ELSEWHERE_MS, HIDDEN_MS] = [2_000, 10_000, 20_000];

export class ScanWatch {
    #listeners = new Set();
    #timer;
    #turn = 0;
    /** Rises with each other question: what was asked before is of no use. */
    #question = 0;
    #wanted = { outcome: '', q: '', sort: '-started' };
    #isPaging = false;
    #abort = new AbortController();
    #seen = null;
    #messages = null;
    #newest;
    #newestAt = -Infinity;
    #endedAt = -Infinity;
    #failures = 0;

    constructor(api, onEvent, wantsEvents) {
        [this.api, this.onEvent, this.wantsEvents] = [api, onEvent, wantsEvents];
        this.list = new ScanList();
        /** The newest scans, whatever is listed: what happens to them is news. */
        this.#newest = new ScanList();
        this.trouble = '';
        /** Critical findings since the page was opened, or since a person said that they were seen. */
        this.criticals = { fresh: null, since: null };
        /** Messages a second of all scans that are listed by the search. */
        this.rate = null;
    }

    listen(listener) {
        this.#listeners.add(listener);
        this.#lookSoon(0);
        return () => this.#listeners.delete(listener);
    }

    /** What is to be listed; whether that is something else than before. */
    want(wanted) {
        if (JSON.stringify(wanted) === JSON.stringify(this.#wanted)) return false;
        this.#wanted = wanted;
        this.#question += 1;
        this.list.clear();
        this.#messages = null;
        this.#lookSoon(0);
        return true;
    }

    start() {
        this.#lookSoon(0);
    }

    stop() {
        clearTimeout(this.#timer);
        this.#turn += 1;
        this.#question += 1;
        this.#abort.abort();
        this.#abort = new AbortController();
        this.list.tabs = null;
        this.list.clear();
        [this.#seen, this.criticals] = [null, { fresh: null, since: null }];
    }

    seen() {
        this.#seen = this.list.criticals;
        this.criticals = { fresh: 0, since: Date.now() };
        this.#tell();
    }

    #lookSoon(ms) {
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.#look(), ms);
    }

    #query(more = {}) {
        return { limit: PAGE, ...this.#wanted, ...more };
    }

    async #look() {
        const turn = this.#turn += 1;
        let pause = document.hidden ? HIDDEN_MS : this.#listeners.size > 0 ? LOOK_MS : ELSEWHERE_MS;
        try {
            // What is on the screen may be far down: as much of the head of the list as that is looked at again.
            const limit = Math.min(1000, Math.max(PAGE, Math.ceil(this.list.scans.length / PAGE) * PAGE));
            const answer = await this.api.stats(this.#query({ limit }), { signal: this.#abort.signal });
            if (turn !== this.#turn) return;
            [this.trouble, this.#failures] = ['', 0];
            const now = Date.now();
            this.list.take(answer, now);
            this.#sum(answer, now);
            await this.#lookForNews(answer, now);
        } catch (error) {
            if (turn !== this.#turn || !(error instanceof Refusal)) return;
            this.#failures += 1;
            // One that was told to wait comes back, and nobody has to read of it.
            if (!error.isPassing || this.#failures > 1 || error.status === 0) this.trouble = error.status === 0 ? 'The gateway does not answer; asking again.' : `The list could not be read: ${error.message}`;
            pause = Math.max(pause, error.retryAfterMs ?? 3_000);
            if (error.status === 401) return;
        }
        this.#tell();
        this.#lookSoon(pause);
    }

    /** What is listed may be a few scans of many: then all are asked for, less often. */
    async #lookForNews(answer, now) {
        const { outcome, q, sort } = this.#wanted;
        const isAll = outcome === '' && q === '' && sort === '-last_message';
        if (!isAll && (!this.wantsEvents() || now - this.#newestAt < ELSEWHERE_MS)) return;
        this.#newestAt = now;
        const all = isAll ? answer : await this.api.stats({ limit: PAGE, sort: '-last_message' }, { signal: this.#abort.signal });
        const looks = [all];
        // Of many scans those that ended or fell silent are soon behind the newest ones: they are asked for by themselves.
        if (this.wantsEvents() && all.scans?.length >= PAGE && now - this.#endedAt >= ELSEWHERE_MS) {
            this.#endedAt = now;
            for (const outcome of ['stalled', 'failed', 'completed']) looks.push(await this.api.stats({ limit: PAGE, outcome, sort: '-last_message' }, { signal: this.#abort.signal }));
        }
        for (const look of looks) for (const event of this.#newest.take({ ...look, next: null }, now)) this.onEvent(event);
    }

    #sum(answer, now) {
        if (this.list.criticals !== null && this.#wanted.q === '') {
            this.#seen = Math.min(this.#seen ?? this.list.criticals, this.list.criticals);
            this.criticals = { fresh: this.list.criticals - this.#seen, since: this.criticals.since ?? now };
        }
        const total = answer.total_messages;
        if (this.#messages !== null && now > this.#messages.at) this.rate = Math.max(0, (total - this.#messages.total) * 1000 / (now - this.#messages.at));
        this.#messages = { total, at: now };
    }

    /** The next page of the list. */
    async more() {
        if (this.#isPaging || this.list.next === null) return;
        this.#isPaging = true;
        const question = this.#question;
        try {
            const answer = await this.api.stats(this.#query({ after: this.list.next, limit: NEXT_PAGE }), { signal: this.#abort.signal });
            if (question === this.#question) this.list.take(answer, Date.now(), false);
        } catch { /* The next look or scroll asks again. */ } finally {
            this.#isPaging = false;
        }
        this.#tell();
    }

    #tell() {
        for (const listener of this.#listeners) listener();
    }
}
