/** Rows as files: NDJSON, CSV (RFC 4180) and SARIF 2.1.0. Each is made in pieces, a generator of texts. */
import { LEVELS, UNRATED, WORDS } from './severity.js';
import { fullMoment } from './text.js';

const PIECE_ROWS = 2_000;
export const FORMATS = {
    ndjson: { label: 'NDJSON', note: 'the messages as they were posted, one a line', mediaType: 'application/x-ndjson', extension: 'ndjson', pieces: ndjson },
    csv: { label: 'CSV', note: 'for a spreadsheet', mediaType: 'text/csv', extension: 'csv', pieces: csv },
    sarif: { label: 'SARIF 2.1', note: 'for code scanning and other tools', mediaType: 'application/sarif+json', extension: 'sarif', pieces: sarif },
};

function* pieces(rows, write) {
    for (let start = 0; start < rows.length; start += PIECE_ROWS) yield rows.slice(start, start + PIECE_ROWS).map(write).join('');
}

export function* ndjson(rows) {
    yield* pieces(rows, (row) => `${JSON.stringify(row.message)}\n`);
}

const COLUMNS = [
    ['seq', (row) => row.seq], ['time', (row) => row.at === null ? '' : new Date(row.at).toISOString()], ['type', (row) => row.type],
    ['severity', (row) => row.rank < UNRATED ? LEVELS[row.rank] : ''], ['title', (row) => row.title], ['target', (row) => row.target],
    ['host', (row) => row.host], ['port', (row) => row.port ?? ''], ['cve', (row) => row.cves.join(' ')], ['cvss', (row) => row.cvss ?? ''],
    ['tags', (row) => row.tags.join(' ')], ['message', (row) => JSON.stringify(row.message)],
];

export function* csv(rows) {
    yield `${COLUMNS.map(([name]) => name).join(',')}\r\n`;
    yield* pieces(rows, (row) => `${COLUMNS.map(([, read]) => cell(read(row))).join(',')}\r\n`);
}

/** A cell that a spreadsheet takes for text: what begins like a formula is kept from being one. */
export function cell(value) {
    let text = String(value);
    if (typeof value === 'string' && /^[=+\-@\t\r]/.test(text)) text = `'${text}`;
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const SARIF_LEVELS = ['error', 'error', 'warning', 'note', 'note', 'none'];
const SARIF_SCORES = ['9.5', '8.0', '5.5', '2.5', '0.0', null];

/** Findings only: lines of output and phases are no results. */
export function* sarif(rows, { scanId, version = '1' } = {}) {
    const findings = rows.filter((row) => row.isFinding);
    const rules = new Map();
    for (const row of findings) {
        const id = ruleOf(row);
        const known = rules.get(id);
        if (!known || row.rank < known.row.rank) rules.set(id, { index: known?.index ?? rules.size, row });
    }
    const driver = { name: 'Sluice', version, rules: [...rules].map(([id, { row }]) => rule(id, row)) };
    yield '{"$schema":"https://json.schemastore.org/sarif-2.1.0.json","version":"2.1.0","runs":[{'
        + `"tool":${JSON.stringify({ driver })},"automationDetails":${JSON.stringify({ id: `${scanId ?? 'scan'}/` })},`
        + '"columnKind":"utf16CodeUnits","results":[';
    let separator = '';
    for (const piece of pieces(findings, (row) => `,${JSON.stringify(result(row, rules))}`)) {
        yield separator + piece.slice(1);
        separator = ',';
    }
    yield ']}]}\n';
}

function ruleOf(row) {
    const { template, templateId, ruleId, rule, script, check } = row.message;
    const named = [ruleId, templateId, template, rule, script, check].find((value) => typeof value === 'string' && value !== '');
    return (named ?? row.cves[0] ?? row.type).slice(0, 200);
}

function rule(id, row) {
    const properties = { tags: row.tags };
    const score = row.cvss === null ? SARIF_SCORES[row.rank] : row.cvss.toFixed(1);
    if (score !== null) properties['security-severity'] = score;
    return { id, name: row.title.slice(0, 200), shortDescription: { text: row.title || id }, defaultConfiguration: { level: SARIF_LEVELS[row.rank] }, properties };
}

/** A target as a URI reference: what is encoded stays so, and what has no scheme is none. */
function uriOf(target) {
    const encoded = encodeURI(target.toWellFormed()).replace(/%25([0-9a-f]{2})/gi, '%$1');
    return /^[a-z][a-z0-9+.-]*:\/\//i.test(encoded) ? encoded : encoded.replaceAll(':', '%3A');
}

function result(row, rules) {
    const id = ruleOf(row);
    return {
        ruleId: id,
        ruleIndex: rules.get(id).index,
        level: SARIF_LEVELS[row.rank],
        message: { text: row.target ? `${row.title} (${row.target})` : row.title },
        locations: [{
            physicalLocation: { artifactLocation: { uri: uriOf(row.target || row.host || 'scan') } },
            logicalLocations: [{ fullyQualifiedName: row.target || row.host || row.type }],
        }],
        partialFingerprints: { 'sluice/v1': `${id}|${row.target}` },
        properties: { seq: row.seq, type: row.type, severity: WORDS[row.rank], time: fullMoment(row.at), cve: row.cves },
    };
}
