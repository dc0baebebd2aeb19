/** All messages, as they came. */
import { clock, shown } from '../model/text.js';
import { el, write } from '../parts/dom.js';
import { columnHeads, markSort, VirtualList } from '../parts/virtual-list.js';

const COLUMNS = [['newest', 'Seq', 'c-seq'], [null, 'Time', 'c-when'], [null, 'Type', 'c-type'], [null, 'Message', 'c-raw']];

export class MessagesView {
    constructor(page, selection) {
        [this.page, this.selection] = [page, selection];
        this.heads = columnHeads(COLUMNS, () => page.sort(selection.order === 'newest' ? 'oldest' : 'newest'));
        this.rows = new VirtualList({
            label: 'Messages', className: 'messages', head: this.heads,
            length: () => selection.length,
            item: (index) => selection.at(index),
            indexOf: (row) => selection.indexOf(row),
            rowHeight: () => 30,
            makeRow,
            fillRow: (element, row) => {
                const [seq, time, type, raw] = element.children;
                write(seq, `#${row.seq}`);
                write(time, clock(row.at));
                write(type, row.type);
                write(raw, rawText(row));
            },
            onOpen: (row) => page.inspect(row),
            onMove: (row) => page.peek(row),
        });
        this.element = this.rows.element;
    }

    refresh() {
        markSort(this.heads, 'newest', this.selection.order !== 'oldest');
        this.rows.refresh();
    }

    emptyText() {
        return this.page.isFiltered ? 'No message matches.' : 'No messages yet.';
    }
}

/** The fields that the columns beside it do not show. */
function rawText(row) {
    const { seq, scanId, type, ...rest } = row.message;
    return shown(rest, 600);
}

function makeRow() {
    return el('div', {}, ...['c-seq', 'c-when', 'c-type', 'c-raw'].map((name) => el('div', { role: 'gridcell', class: name })));
}
