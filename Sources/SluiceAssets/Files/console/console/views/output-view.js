/** What the scanner wrote, as a log that can be followed. */
import { outputText } from '../model/finding.js';
import { clock, shown } from '../model/text.js';
import { el, set, write } from '../parts/dom.js';
import { VirtualList } from '../parts/virtual-list.js';

export class OutputView {
    constructor(page, selection) {
        [this.page, this.selection] = [page, selection];
        this.rows = new VirtualList({
            label: 'Output of the scanner', className: 'output-list',
            length: () => selection.length,
            item: (index) => selection.at(index),
            indexOf: (row) => selection.indexOf(row),
            rowHeight: () => 22,
            makeRow,
            fillRow: (element, row) => {
                const [time, text] = element.children;
                write(time, clock(row.at));
                write(text, shown(outputText(row.message), 2_000));
            },
            onOpen: (row) => page.inspect(row),
            onFollow: () => this.#showFollow(),
        });
        this.rows.follows = true;
        this.follow = el('button', { class: 'chip', 'aria-pressed': 'true', onclick: () => this.toggleFollow() }, 'Follow');
        this.element = this.rows.element;
    }

    toggleFollow() {
        this.rows.follows = !this.rows.follows;
        this.#showFollow();
        this.page.ask();
    }

    #showFollow() {
        set(this.follow, 'aria-pressed', String(this.rows.follows));
    }

    refresh() {
        this.rows.refresh();
    }

    emptyText() {
        return this.page.isFiltered ? 'No line matches.' : 'No output: the scanner sends no lines.';
    }
}

function makeRow() {
    return el('div', {}, el('div', { role: 'gridcell', class: 'c-when' }), el('div', { role: 'gridcell', class: 'c-line' }));
}
