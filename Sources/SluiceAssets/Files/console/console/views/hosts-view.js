/** Hosts, their ports and services, and what was found at each, as a tree of lines. */
import { LETTERS, LEVELS, UNRATED } from '../model/severity.js';
import { compact, many } from '../model/text.js';
import { severityBadge, showSeverity } from '../parts/controls.js';
import { el, Keyed, set, write } from '../parts/dom.js';
import { icon, setIcon } from '../parts/icons.js';
import { VirtualList } from '../parts/virtual-list.js';

const narrow = matchMedia('(max-width: 720px)');

export class HostsView {
    #open = new Set();
    #lines = [];
    #places = new Map();
    #made = '';
    #madeAt = -Infinity;
    #question = 0;

    constructor(page) {
        this.page = page;
        this.rows = new VirtualList({
            label: 'Hosts, ports and findings', role: 'treegrid', className: 'hosts-list',
            length: () => this.#lines.length,
            item: (index) => this.#lines[index],
            indexOf: (line) => this.#places.get(line.key) ?? -1,
            rowHeight: () => narrow.matches ? 56 : 36,
            makeRow: () => this.#makeRow(),
            fillRow: (element, line) => this.#fill(element, line),
            onOpen: (line) => line.kind === 'finding' ? page.inspect(line.row) : this.#toggle(line),
            onMove: (line) => line.kind === 'finding' && page.peek(line.row),
        });
        this.element = this.rows.element;
        this.element.addEventListener('keydown', (event) => this.#pressed(event));
    }

    refresh() {
        const { tree, isFiltered, question } = this.page;
        const made = `${tree.version} ${question.number} ${this.#open.size} ${isFiltered}`;
        const now = performance.now();
        // While many come the tree is built anew four times a second; what a person does shows at once.
        if (made !== this.#made && this.#made !== '' && now - this.#madeAt < 250 && question.number === this.#question) {
            this.page.ask();
        } else if (made !== this.#made) {
            [this.#made, this.#madeAt, this.#question] = [made, now, question.number];
            this.#lines = tree.lines((key) => this.#open.has(key), isFiltered ? question.wants : null);
            this.#places = new Map(this.#lines.map((line, index) => [line.key, index]));
        }
        this.rows.refresh();
    }

    get length() {
        return this.#lines.length;
    }

    emptyText() {
        return this.page.isFiltered ? 'No host has a finding that matches.' : 'No hosts yet.';
    }

    #toggle(line) {
        if (!line.hasMore) return;
        if (!this.#open.delete(line.key)) this.#open.add(line.key);
        this.#made = '';
        this.page.ask();
    }

    #pressed(event) {
        const line = this.rows.active;
        if (!line || (event.key !== 'ArrowRight' && event.key !== 'ArrowLeft')) return;
        if (line.kind !== 'finding' && line.hasMore && this.#open.has(line.key) === (event.key === 'ArrowLeft')) this.#toggle(line);
        event.preventDefault();
    }

    #makeRow() {
        const cells = { turn: icon('right', 'icon small turn'), picture: icon('host'), severity: severityBadge(), name: el('span', 'name'), about: el('span', 'about'), ranks: el('span', 'ranks'), count: el('span', 'count') };
        cells.rankItems = new Keyed(cells.ranks, (rank) => el('span', `rank ${LEVELS[rank] ?? 'unrated'}`));
        const row = el('div', {}, el('div', { role: 'gridcell', class: 'tree-cell' }, cells.turn, cells.picture, cells.severity, cells.name, cells.about), el('div', { role: 'gridcell', class: 'tree-end' }, cells.ranks, cells.count));
        row.cells = cells;
        return row;
    }

    #fill(element, line) {
        const { cells } = element;
        const isFinding = line.kind === 'finding';
        set(element, 'aria-level', String(line.depth + 1));
        set(element, 'aria-expanded', isFinding || !line.hasMore ? null : String(line.isOpen));
        set(element.firstElementChild, 'class', `tree-cell depth-${line.depth} ${line.kind}`);
        cells.turn.classList.toggle('open', line.isOpen === true);
        cells.turn.classList.toggle('leaf', isFinding || !line.hasMore);
        cells.picture.classList.toggle('gone', isFinding);
        cells.severity.hidden = !isFinding;
        if (isFinding) return this.#fillFinding(cells, line.row);
        setIcon(cells.picture, line.kind);
        if (line.kind === 'host') this.#fillHost(cells, line);
        else this.#fillPort(cells, line);
    }

    #fillFinding(cells, row) {
        showSeverity(cells.severity, row.rank);
        write(cells.name, row.title);
        write(cells.about, row.cves[0] ?? '');
        write(cells.count, row.cvss === null ? '' : row.cvss.toFixed(1));
        cells.rankItems.show([], () => {});
    }

    #fillHost(cells, { host, portCount }) {
        write(cells.name, host.name);
        write(cells.about, [host.also, host.os].filter(Boolean).join(' · '));
        write(cells.count, portCount > 0 ? many(portCount, 'port') : '');
        const ranks = host.ranks.map((number, rank) => number > 0 ? rank : -1).filter((rank) => rank >= 0 && rank < UNRATED);
        cells.rankItems.show(ranks, (item, rank) => {
            write(item, `${LETTERS[rank]} ${compact(host.ranks[rank])}`);
            set(item, 'aria-label', `${many(host.ranks[rank], `${LEVELS[rank]} finding`)}`);
        });
    }

    #fillPort(cells, { port, count }) {
        write(cells.name, port.key);
        write(cells.about, [port.service, port.product].filter(Boolean).join(' · '));
        write(cells.count, count > 0 ? many(count, 'finding') : '');
        cells.rankItems.show(port.worst < UNRATED ? [port.worst] : [], (item, rank) => write(item, LETTERS[rank]));
    }
}
