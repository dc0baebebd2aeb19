/**
 * What a message says, read tolerantly: scanners name the same things differently, and what has other names is shown too.
 * The gateway counts severities, hosts, ports and tags by the same rules (`FindingReader`).
 */
import { decimal, rankOf, UNRATED } from './severity.js';
import { shown } from './text.js';

/** Messages about the scan itself and lines of output: they are no findings. */
const ABOUT_THE_SCAN = new Set([
    'scanStarted', 'phaseStarted', 'phaseCompleted', 'scanProgress', 'progress', 'stats', 'scanCompleted', 'error',
    'line', 'output', 'log', 'messagesDropped', 'scanStalled', 'scanResumed', 'heartbeat',
]);
export const OUTPUT_TYPES = new Set(['line', 'output', 'log']);

const TITLES = ['name', 'title', 'vulnerability', 'template', 'templateId', 'template-id', 'rule', 'ruleId', 'check', 'script', 'plugin', 'alert', 'summary', 'message', 'description', 'service', 'product'];
const TARGETS = ['matchedAt', 'matched-at', 'matched', 'url', 'uri', 'target', 'endpoint', 'location', 'file', 'path'];
const HOSTS = ['host', 'ip', 'hostname', 'address', 'domain', 'asset'];
/** Fields that stand in columns of their own, and fields of the gateway. */
const SAID_ELSEWHERE = new Set(['seq', 'scanId', 'type', 'severity', 'cve', 'cvss', 'tags', 'timestamp']);

const isText = (value) => typeof value === 'string' && value.trim() !== '';

/** The first of these fields that has a text. */
function firstText(message, names) {
    for (const name of names) if (isText(message[name])) return name;
    return null;
}

/** Texts out of a value that is one, a list of them, or a list with commas; each once. */
function texts(value, limit) {
    const list = Array.isArray(value) ? value : isText(value) ? value.split(',') : [];
    return [...new Set(list.filter(isText).slice(0, limit).map((text) => shown(text.trim(), 60)))];
}

function scoreOf(message) {
    for (const value of [message.cvss, message.cvssScore, message.cvss_score, message['cvss-score'], message.score]) {
        const score = typeof value === 'object' && value !== null ? value.score ?? value.baseScore : value;
        const number = isText(score) ? decimal(score) : score;
        if (typeof number === 'number' && number >= 0 && number <= 10) return number;
    }
    return null;
}

function portOf(message) {
    const port = message.port ?? message.portid;
    const number = isText(port) && /^\d{1,5}$/.test(port.trim()) ? Number(port) : port;
    return Number.isInteger(number) && number >= 0 && number <= 65_535 ? number : null;
}

/** The host that a message is about: said plainly, or out of its address. */
export function hostOf(message) {
    const field = firstText(message, ['ip', 'host', ...HOSTS]);
    const text = field ? message[field].trim() : isText(message.target) ? message.target.trim()
        : isText(message.matchedAt) ? message.matchedAt.trim() : isText(message.url) ? message.url.trim() : '';
    return bareHost(text);
}

/** `10.0.0.1` of `https://user@10.0.0.1:8443/x`, `10.0.0.1:22` or itself. */
export function bareHost(text) {
    const found = /^(?:[a-z][a-z0-9+.-]*:\/\/)?(?:[^/@\s]*@)?(\[[0-9a-f:.%]+\]|[0-9a-f]*:[0-9a-f]*:[0-9a-f:.%]*|[^\s:/?#]+)/i.exec(text);
    return found ? shown(found[1].replace(/^\[|\]$/g, ''), 120) : '';
}

/** Whether a text is a host and no more: an address with a path or a port of its own is whole as it is. */
const isBareHost = (text) => !/[/[]|^[^:]*:\d*$/.test(text);

function targetOf(message, host, port) {
    const named = firstText(message, TARGETS);
    const text = named ? message[named].trim() : host;
    if (text === '' || port === null || !isBareHost(text)) return shown(text, 300);
    const address = text.includes(':') ? `[${text}]` : text;
    return shown(`${address}:${port}${isText(message.protocol) && message.protocol !== 'http' ? `/${message.protocol}` : ''}`, 300);
}

/** A title for what has none: what it says besides, in one line. */
function rest(message) {
    const said = [];
    for (const [name, value] of Object.entries(message)) {
        if (SAID_ELSEWHERE.has(name) || value === null || value === '' || TARGETS.includes(name) || HOSTS.includes(name)) continue;
        // Ten digits are what a person reads of 37.699999999999996.
        said.push(`${shown(name, 40)}: ${shown(typeof value === 'number' ? Number(value.toPrecision(10)) : value, 80)}`);
        if (said.length === 6) break;
    }
    return said.join('  ·  ');
}

const TITLED = {
    hostDiscovered: (message) => `Host is up${isText(message.hostname) && message.hostname !== hostOf(message) ? `: ${shown(message.hostname, 120)}` : ''}${isText(message.vendor) ? ` (${shown(message.vendor, 60)})` : ''}`,
    portFound: (message) => `Open port${isText(message.service) ? `: ${shown(message.service, 60)}` : ''}`,
    serviceDetected: (message) => [message.product, message.version, message.details].filter(isText).map((text) => shown(text, 120)).join(' ') || shown(message.service ?? '', 60),
    osDetected: (message) => isText(message.name) ? `Operating system: ${shown(message.name, 160)}` : '',
    scriptOutput: (message) => [message.script, message.output].filter(isText).map((text) => shown(text, 160)).join(': '),
};

/** Whether messages of a type are findings, as a rule. */
export const isFindingType = (type) => !ABOUT_THE_SCAN.has(type);

/** Whether a message is something that was found. */
export function isFinding(message) {
    return !ABOUT_THE_SCAN.has(message.type) || (message.type !== 'error' && isText(message.severity) && !OUTPUT_TYPES.has(message.type));
}

/**
 * A message as the console lists it. `rank` is its severity's, `at` when it came, in milliseconds or null.
 * The message itself stays as it was.
 */
export function readRow(message, at) {
    const cvss = scoreOf(message);
    const host = hostOf(message);
    const port = portOf(message);
    const isFound = isFinding(message);
    const named = firstText(message, TITLES);
    return {
        seq: message.seq,
        at,
        type: shown(message.type, 128),
        isFinding: isFound,
        rank: isFound ? rankOf(message.severity ?? message.risk ?? message.level, cvss) : UNRATED,
        title: TITLED[message.type]?.(message) || (named ? shown(message[named], 300) : rest(message)) || shown(message.type, 128),
        host,
        port,
        target: targetOf(message, host, port),
        cves: texts(message.cve ?? message.cves ?? message['cve-id'], 8),
        cvss,
        tags: texts(message.tags, 12),
        message,
        search: null,
    };
}

/** All that a search looks at, in lower case; made when it is first asked for. */
export function searchText(row) {
    row.search ??= JSON.stringify(row.message).toLowerCase();
    return row.search;
}

/** A line of output. */
export function outputText(message) {
    return firstTextValue(message, ['text', 'line', 'message', 'output', 'data']) ?? JSON.stringify(message);
}

function firstTextValue(message, names) {
    const name = names.find((field) => typeof message[field] === 'string');
    return name === undefined ? null : message[name];
}

/** What a person reads of a message, field by field, the telling ones first: `[label, value]`. */
export function readableFields(row) {
    const { message } = row;
    const order = ['severity', 'title', 'name', 'description', 'target', 'matchedAt', 'url', 'host', 'ip', 'hostname', 'port', 'protocol', 'service', 'product', 'version', 'cve', 'cwe', 'cvss', 'template', 'matcher', 'tags', 'results', 'remediation', 'reference'];
    const names = Object.keys(message).filter((name) => !['seq', 'scanId', 'type'].includes(name));
    const place = (name) => order.includes(name) ? order.indexOf(name) : order.length;
    const fields = names.sort((a, b) => place(a) - place(b)).slice(0, 200).map((name) => [label(name), message[name]]);
    // What is said twice is read once.
    return fields.filter(([, value], index) => typeof value !== 'string' || fields.findIndex(([, other]) => other === value) === index);
}

/** `matchedAt` as `Matched at`. */
export function label(name) {
    const known = { cve: 'CVE', cwe: 'CWE', cvss: 'CVSS', ip: 'IP address', url: 'URL', mac: 'MAC address', os: 'OS' }[name];
    if (known) return known;
    const words = shown(name, 60).replace(/[_-]+/g, ' ').replace(/([a-z0-9])([A-Z])/g, (_, a, b) => `${a} ${b.toLowerCase()}`);
    return words.charAt(0).toUpperCase() + words.slice(1);
}
