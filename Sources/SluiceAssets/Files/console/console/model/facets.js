/** What the findings of a scan have in common, counted: types, hosts, ports and tags. */

/** Distinct values counted one by one for each field; what comes after is not offered. */
const VALUE_LIMIT = 5_000;
export const FACETS = ['type', 'host', 'port', 'tag'];

export class Facets {
    constructor() {
        this.reset();
    }

    reset() {
        this.maps = Object.fromEntries(FACETS.map((name) => [name, new Map()]));
    }

    /** Takes what came; `rows` are all that are left, where some were dropped for want of room. */
    update(fresh, rows = null) {
        if (rows !== null) this.reset();
        this.take(rows ?? fresh);
    }

    take(rows) {
        const { type, host, port, tag } = this.maps;
        for (const row of rows) {
            note(type, row.type);
            if (!row.isFinding) continue;
            if (row.host !== '') note(host, row.host);
            if (row.port !== null) note(port, String(row.port));
            for (const text of row.tags) note(tag, text);
        }
    }

    /** Our counts of one kind, and the gateway's where they are more: those of messages that are not here. */
    with(name, counted) {
        const counts = new Map(this.maps[name]);
        for (const [value, number] of counted) if (Number.isFinite(number)) counts.set(value, Math.max(number, counts.get(value) ?? 0));
        return counts;
    }

    /** The most frequent values: `[value, count]`; with `also`, chosen ones too; `of` replaces our counts by better ones. */
    top(name, limit, also = [], of = null) {
        const counts = of ?? this.maps[name];
        const sorted = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
        const top = sorted.slice(0, limit);
        for (const value of also) if (!top.some(([known]) => known === value)) top.push([value, counts.get(value) ?? 0]);
        return { values: top, isAll: top.length >= sorted.length };
    }
}

function note(map, value) {
    const known = map.get(value);
    if (known !== undefined) map.set(value, known + 1);
    else if (map.size < VALUE_LIMIT) map.set(value, 1);
}
