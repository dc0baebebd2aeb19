/** When things were found: counts by severity over time, phases and silences beside them. */

/** The finest slot, and how many are held; of more, two become one. */
const [SLOT_MS, SLOT_LIMIT] = [1_000, 20_000];
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400, 604_800].map((seconds) => seconds * 1000);
/** Nothing at all for so long is a silence. */
const SILENCE_MS = 60_000;

export class Timeline {
    /** Slot to six counts by rank, and to the number of messages of whatever kind. */
    #found = new Map();
    #messages = new Map();
    #slotMs = SLOT_MS;
    first = null;
    last = null;

    take(rows) {
        for (const row of rows) {
            if (row.at === null) continue;
            const slot = Math.floor(row.at / this.#slotMs);
            this.#messages.set(slot, (this.#messages.get(slot) ?? 0) + 1);
            if (this.first === null || row.at < this.first) this.first = row.at;
            if (this.last === null || row.at > this.last) this.last = row.at;
            if (!row.isFinding) continue;
            let counts = this.#found.get(slot);
            if (!counts) this.#found.set(slot, counts = [0, 0, 0, 0, 0, 0]);
            counts[row.rank] += 1;
        }
        while (this.#messages.size > SLOT_LIMIT) this.#coarsen();
    }

    #coarsen() {
        this.#slotMs *= 2;
        const [found, messages] = [new Map(), new Map()];
        for (const [slot, number] of this.#messages) messages.set(Math.floor(slot / 2), (messages.get(Math.floor(slot / 2)) ?? 0) + number);
        for (const [slot, counts] of this.#found) {
            const half = Math.floor(slot / 2);
            found.set(half, (found.get(half) ?? [0, 0, 0, 0, 0, 0]).map((number, rank) => number + counts[rank]));
        }
        [this.#found, this.#messages] = [found, messages];
    }

    reset() {
        this.#found.clear();
        this.#messages.clear();
        this.#slotMs = SLOT_MS;
        this.first = this.last = null;
    }

    /**
     * Bars from `from` to `to`, as wide as a round time, at most `limit` of them, a minute or less where there is room.
     * Returns `{from, to, stepMs, bars: [{at, counts, total}], highest}`.
     */
    bars(from, to, limit) {
        const span = Math.max(to - from, this.#slotMs);
        const wish = span <= 120_000 ? SLOT_MS : span <= 600_000 ? 5_000 : span <= 1_800_000 ? 15_000 : 60_000;
        const stepMs = STEPS.find((step) => step >= Math.max(wish, this.#slotMs) && span / step <= limit - 1) ?? Math.ceil(span / limit / 604_800_000) * 604_800_000;
        const start = Math.floor(from / stepMs) * stepMs;
        const length = Math.max(1, Math.ceil((to - start) / stepMs));
        const bars = Array.from({ length }, (_, index) => ({ at: start + index * stepMs, counts: [0, 0, 0, 0, 0, 0], total: 0 }));
        for (const [slot, counts] of this.#found) {
            const bar = bars[Math.max(0, Math.floor((slot * this.#slotMs - start) / stepMs))];
            if (!bar) continue;
            for (let rank = 0; rank < counts.length; rank += 1) {
                bar.counts[rank] += counts[rank];
                bar.total += counts[rank];
            }
        }
        return { from: start, to: start + length * stepMs, stepMs, bars, highest: Math.max(1, ...bars.map((bar) => bar.total)) };
    }

    /** Times in which nothing came: `[from, to]`, up to `until`, the newest ones if there are many. */
    silences(until, limit = 50) {
        const slots = [...this.#messages.keys()].sort((a, b) => a - b);
        const silences = [];
        for (let index = 1; index <= slots.length; index += 1) {
            const from = (slots[index - 1] + 1) * this.#slotMs;
            const to = index < slots.length ? slots[index] * this.#slotMs : until ?? from;
            if (to - from >= SILENCE_MS) silences.push([from, to]);
        }
        return silences.slice(-limit);
    }
}

/** A range that was drawn over, as whole bars. */
export function snapped(chart, fromShare, toShare) {
    const [low, high] = fromShare < toShare ? [fromShare, toShare] : [toShare, fromShare];
    const span = chart.to - chart.from;
    const clamp = (share) => Math.min(Math.max(share, 0), 1);
    const from = chart.from + Math.floor(clamp(low) * span / chart.stepMs) * chart.stepMs;
    const to = chart.from + Math.ceil(clamp(high) * span / chart.stepMs) * chart.stepMs;
    return [from, Math.max(to, from + chart.stepMs)];
}
