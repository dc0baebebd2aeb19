/** Which rows are wanted: a value that stands in the address, and the question that it asks of each row. */
import { LEVELS, rankOf, UNRATED } from './severity.js';
import { searchText } from './finding.js';

const LISTS = ['type', 'host', 'port', 'tag'];
/** Values of one list beyond it are not read from an address. */
const LIST_LIMIT = 50;

/** Nothing is filtered. */
export const none = () => ({ ranks: [], type: [], host: [], port: [], tag: [], q: '', from: null, to: null });

/** Filters out of an address's query. What cannot be is passed over. */
export function readFilters(query) {
    const filters = none();
    const levels = query.getAll('severity').filter((name) => LEVELS.includes(name) || name === 'unrated');
    filters.ranks = [...new Set(levels.map((name) => name === 'unrated' ? UNRATED : rankOf(name)))].sort();
    for (const list of LISTS) filters[list] = [...new Set(query.getAll(list).filter(Boolean))].slice(0, LIST_LIMIT);
    filters.q = (query.get('q') ?? '').slice(0, 200);
    const [from, to] = [Number(query.get('from') ?? Number.NaN), Number(query.get('to') ?? Number.NaN)];
    if (query.get('from') && query.get('to') && from <= to) [filters.from, filters.to] = [from, to];
    return filters;
}

/** Writes filters into an address's query; what says nothing is left out. */
export function writeFilters(filters, query) {
    for (const rank of filters.ranks) query.append('severity', LEVELS[rank] ?? 'unrated');
    for (const list of LISTS) for (const value of filters[list]) query.append(list, value);
    if (filters.q) query.set('q', filters.q);
    if (filters.from !== null) {
        query.set('from', String(filters.from));
        query.set('to', String(filters.to));
    }
}

export function isEmpty(filters) {
    return filters.ranks.length === 0 && LISTS.every((list) => filters[list].length === 0) && filters.q === '' && filters.from === null;
}

/** With a value put in, or taken out if it was in. */
export function toggled(filters, list, value) {
    const values = filters[list];
    return { ...filters, [list]: values.includes(value) ? values.filter((known) => known !== value) : [...values, value].sort() };
}

/** The question: every list that has values has to match, one value of it is enough. */
export function predicate(filters) {
    const tests = [];
    const { ranks, type, host, port, tag, from, to } = filters;
    if (ranks.length > 0) tests.push((row) => row.isFinding && ranks.includes(row.rank));
    if (type.length > 0) tests.push(oneOf(type, (row) => row.type));
    if (host.length > 0) tests.push(oneOf(host, (row) => row.host));
    if (port.length > 0) tests.push(oneOf(port, (row) => String(row.port)));
    if (tag.length > 0) tests.push((row) => row.tags.some((known) => tag.includes(known)));
    if (from !== null) tests.push((row) => row.at !== null && row.at >= from && row.at < to);
    const words = filters.q.toLowerCase().split(/\s+/).filter(Boolean);
    if (words.length > 0) tests.push((row) => words.every((word) => searchText(row).includes(word)));
    if (tests.length === 0) return () => true;
    return tests.length === 1 ? tests[0] : (row) => tests.every((test) => test(row));
}

function oneOf(values, field) {
    const set = new Set(values);
    return (row) => set.has(field(row));
}
