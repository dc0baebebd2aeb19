/** How bad a finding is: five levels by many names, each with a word, a letter and a shape. */

/** The levels, the worst first; the last is of those that say none. */
export const LEVELS = ['critical', 'high', 'medium', 'low', 'info'];
/** The rank of a message that says no severity. */
export const UNRATED = LEVELS.length;
export const WORDS = ['Critical', 'High', 'Medium', 'Low', 'Info', 'Unrated'];
export const LETTERS = ['C', 'H', 'M', 'L', 'I', '–'];

const RANKS = new Map(Object.entries({
    critical: 0, crit: 0, fatal: 0, emergency: 0, severe: 0,
    high: 1, important: 1, major: 1, error: 1, danger: 1,
    medium: 2, med: 2, moderate: 2, warning: 2, warn: 2,
    low: 3, minor: 3, negligible: 3,
    info: 4, informational: 4, information: 4, none: 4, note: 4, notice: 4, log: 4, unknown: 4,
}));

/** The rank of a severity as scanners write it, 0 the worst; a CVSS score stands in where there is no word for it. */
export function rankOf(severity, cvss) {
    if (typeof severity === 'string') {
        const rank = RANKS.get(severity.trim().toLowerCase());
        if (rank !== undefined) return rank;
        const number = decimal(severity);
        if (Number.isFinite(number)) return rankOfScore(number);
    }
    if (typeof severity === 'number' && Number.isFinite(severity)) return rankOfScore(severity);
    return Number.isFinite(cvss) ? rankOfScore(cvss) : UNRATED;
}

/** A text that is a decimal number; else NaN. */
export function decimal(text) {
    return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text.trim()) ? Number(text) : Number.NaN;
}

/** CVSS 3.1, section 5: the qualitative scale. */
export function rankOfScore(score) {
    if (score >= 9) return 0;
    if (score >= 7) return 1;
    if (score >= 4) return 2;
    return score > 0 ? 3 : 4;
}

/** Counts by severities' names as five counts by rank. */
export function countsByRank(severities) {
    const counts = [0, 0, 0, 0, 0];
    for (const [name, number] of Object.entries(severities ?? {})) {
        const rank = rankOf(name);
        if (rank < UNRATED && Number.isFinite(number)) counts[rank] += number;
    }
    return counts;
}
