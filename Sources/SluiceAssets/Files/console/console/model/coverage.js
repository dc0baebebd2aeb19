/**
 * Which messages of a scan the page has, by their seqs: intervals, both ends within. Seqs that no message has any more
 * (a newer one of its kind took its place) count as had once the gateway passed over them.
 */
export class Coverage {
    /** Sorted, apart from each other: `[first, last]`. */
    #intervals = [];

    /** The gateway told all that there is from `first` to `last`. */
    add(first, last) {
        if (!(last >= first)) return;
        const list = this.#intervals;
        let start = list.length;
        while (start > 0 && list[start - 1][1] >= first - 1) start -= 1;
        let end = start;
        let [low, high] = [first, last];
        while (end < list.length && list[end][0] <= last + 1) {
            low = Math.min(low, list[end][0]);
            high = Math.max(high, list[end][1]);
            end += 1;
        }
        list.splice(start, end - start, [low, high]);
    }

    has(seq) {
        return this.#intervals.some(([first, last]) => seq >= first && seq <= last);
    }

    /** What is missing up to `head`, the lowest first: `[first, last]`. */
    gaps(head) {
        const gaps = [];
        let next = 1;
        for (const [first, last] of this.#intervals) {
            if (next > head) return gaps;
            if (first > next) gaps.push([next, Math.min(first - 1, head)]);
            next = last + 1;
        }
        if (next <= head) gaps.push([next, head]);
        return gaps;
    }

    /** How many seqs up to `head` are had. */
    count(head) {
        return this.#intervals.reduce((sum, [first, last]) => sum + Math.max(0, Math.min(last, head) - first + 1), 0);
    }
}
