/** The findings, one line each. */
import { clock, shown } from '../model/text.js';
import { severityBadge, showSeverity } from '../parts/controls.js';
import { el, set, write } from '../parts/dom.js';
import { columnHeads, markSort, VirtualList } from '../parts/virtual-list.js';

const COLUMNS = [['severity', 'Severity', 'c-severity'], ['title', 'Finding', 'c-title'], ['target', 'Target', 'c-target'], [null, 'CVE · CVSS', 'c-cve'], [null, 'Tags', 'c-tags'], ['newest', 'Time', 'c-when']];
const narrow = matchMedia('(max-width: 720px)');

export class FindingsView {
    constructor(page, selection) {
        [this.page, this.selection] = [page, selection];
        this.heads = columnHeads(COLUMNS, (key) => page.sort(key === 'newest' && selection.order === 'newest' ? 'oldest' : key));
        this.rows = new VirtualList({
            label: 'Findings', className: 'findings', head: this.heads,
            length: () => selection.length,
            item: (index) => selection.at(index),
            indexOf: (row) => selection.indexOf(row),
            rowHeight: () => narrow.matches ? 62 : 36,
            makeRow,
            fillRow: (element, row) => this.#fill(element, row),
            onOpen: (row) => page.inspect(row),
            onMove: (row) => page.peek(row),
        });
        this.element = this.rows.element;
    }

    refresh() {
        const { order } = this.selection;
        markSort(this.heads, order === 'oldest' ? 'newest' : order, order === 'newest' || order === 'severity');
        this.rows.refresh();
    }

    emptyText() {
        const { filters, isFiltered, store } = this.page;
        if (isFiltered) return `None of ${store.findingCount} findings matches${filters.q ? ` “${shown(filters.q, 40)}”` : ''}.`;
        return this.page.outcome === 'completed' ? 'This scan found nothing.' : 'Nothing found yet.';
    }

    #fill(element, row) {
        const { cells } = element;
        showSeverity(cells.severity, row.rank);
        write(cells.title, row.title);
        write(cells.type, row.type === 'vulnerabilityFound' ? '' : row.type);
        write(cells.target, row.target);
        write(cells.cve, row.cves.length > 1 ? `${row.cves[0]} +${row.cves.length - 1}` : row.cves[0] ?? '');
        write(cells.cvss, row.cvss === null ? '' : row.cvss.toFixed(1));
        write(cells.tags, row.tags.slice(0, 4).join(' · '));
        write(cells.time, clock(row.at));
        set(element, 'title', null);
    }
}

function makeRow() {
    const cells = { severity: severityBadge(), title: el('span', 'title'), type: el('span', 'type'), target: el('span', 'mono'), cve: el('span', 'cve'), cvss: el('span', 'cvss'), tags: el('span'), time: el('span') };
    const cell = (className, ...children) => el('div', { role: 'gridcell', class: className }, ...children);
    const row = el('div', {}, cell('c-severity', cells.severity), cell('c-title', cells.title, cells.type), cell('c-target', cells.target), cell('c-cve', cells.cve, cells.cvss), cell('c-tags', cells.tags), cell('c-when', cells.time));
    row.cells = cells;
    return row;
}
