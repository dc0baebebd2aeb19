/** Hosts, their ports and services, and what was found at each: a tree out of the findings. */
import { shown } from './text.js';

/** Hosts beyond it are counted, not listed. */
const HOST_LIMIT = 20_000;
const PORT_LIMIT = 70_000;
/** Messages that make up the tree itself; others are findings at a place of it. */
const STRUCTURE = new Set(['hostDiscovered', 'portFound', 'serviceDetected', 'osDetected']);

export class HostTree {
    constructor() {
        this.reset();
    }

    reset() {
        this.hosts = new Map();
        this.portCount = 0;
        this.leftOut = 0;
        this.version = (this.version ?? 0) + 1;
        this.#order = null;
    }

    #order = null;

    take(rows) {
        for (const row of rows) if (row.isFinding && row.host !== '') this.#takeOne(row);
    }

    #takeOne(row) {
        let host = this.hosts.get(row.host);
        if (!host) {
            if (this.hosts.size >= HOST_LIMIT) return void (this.leftOut += 1);
            host = { name: row.host, also: null, os: null, ports: new Map(), findings: [], ranks: [0, 0, 0, 0, 0, 0], worst: 6, number: numeric(row.host) };
            this.hosts.set(row.host, host);
        }
        this.version += 1;
        this.#order = null;
        const port = row.port === null ? null : this.#port(host, row);
        const { message, type } = row;
        if (typeof message.hostname === 'string' && message.hostname !== host.name) host.also = shown(message.hostname, 120);
        if (type === 'osDetected' && typeof message.name === 'string') host.os = shown(message.name, 120);
        if (STRUCTURE.has(type)) return;
        host.ranks[row.rank] += 1;
        host.worst = Math.min(host.worst, row.rank);
        (port ?? host).findings.push(row);
        if (port) port.worst = Math.min(port.worst, row.rank);
    }

    #port(host, row) {
        const protocol = row.message.protocol === 'udp' ? 'udp' : 'tcp';
        const key = `${row.port}/${protocol}`;
        let port = host.ports.get(key);
        if (!port) {
            if (this.portCount >= PORT_LIMIT) return null;
            this.portCount += 1;
            port = { key, number: row.port, service: '', product: '', findings: [], worst: 6 };
            host.ports.set(key, port);
        }
        const { service, product, version, details } = row.message;
        if (typeof service === 'string' && service) port.service = shown(service, 60);
        const said = [product, version].filter((text) => typeof text === 'string' && text).join(' ') || (typeof details === 'string' ? details : '');
        if (said) port.product = shown(said, 120);
        return port;
    }

    /** The worst hosts first, equal ones by address. */
    sorted() {
        this.#order ??= [...this.hosts.values()].sort((a, b) =>
            a.worst - b.worst || b.ranks[a.worst] - a.ranks[b.worst] || compareNumbered(a, b));
        return this.#order;
    }

    /**
     * The tree as lines, those under closed places left out. `isOpen(key)` says whether a place is open, `wants(row)`
     * which findings count; hosts without any are left out unless `wants` is null.
     */
    lines(isOpen, wants = null) {
        const lines = [];
        for (const host of this.sorted()) {
            const own = wants ? host.findings.filter(wants) : host.findings;
            const ports = [...host.ports.values()].sort((a, b) => a.number - b.number)
                .map((port) => ({ port, findings: wants ? port.findings.filter(wants) : port.findings }))
                .filter(({ findings }) => !wants || findings.length > 0);
            if (wants && own.length === 0 && ports.length === 0) continue;
            const key = `h ${host.name}`;
            const line = { kind: 'host', key, host, depth: 0, isOpen: isOpen(key), hasMore: own.length + ports.length > 0, portCount: ports.length };
            lines.push(line);
            if (!line.isOpen) continue;
            for (const row of own.toSorted(byRank)) lines.push({ kind: 'finding', key: `f ${row.seq}`, row, depth: 1 });
            for (const { port, findings } of ports) this.#portLines(lines, host, port, findings, isOpen);
        }
        return lines;
    }

    #portLines(lines, host, port, findings, isOpen) {
        const key = `p ${host.name} ${port.key}`;
        lines.push({ kind: 'port', key, host, port, depth: 1, isOpen: isOpen(key), hasMore: findings.length > 0, count: findings.length });
        if (!isOpen(key)) return;
        for (const row of findings.toSorted(byRank)) lines.push({ kind: 'finding', key: `f ${row.seq}`, row, depth: 2 });
    }
}

const byRank = (a, b) => a.rank - b.rank || a.seq - b.seq;

/** Addresses by number, then names by letters. */
export function compareHosts(a, b) {
    return compareNumbered({ name: a, number: numeric(a) }, { name: b, number: numeric(b) });
}

function compareNumbered(a, b) {
    if (a.number !== null && b.number !== null) return a.number - b.number;
    if ((a.number === null) !== (b.number === null)) return a.number === null ? 1 : -1;
    return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

function numeric(text) {
    const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
    return parts ? parts.slice(1).reduce((sum, part) => sum * 256 + Number(part), 0) : null;
}
