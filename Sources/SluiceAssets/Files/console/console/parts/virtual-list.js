/**
 * A list of any length of which only the rows on the screen are elements. It is one stop of the Tab key; arrows, `j` and
 * `k`, Page Up and Down, Home and End move in it, Enter opens. What stands on the screen stays there while rows come above.
 */
import { el, set } from './dom.js';

/** Rows drawn beyond the edges. */
const MARGIN = 6;
let listCount = 0;

export class VirtualList {
    #rows = [];
    #anchor = null;
    #active = null;
    #activeIndex = -1;
    #drawn = new Map();

    /**
     * @param {object} options `label`, `role` (`grid` or `treegrid`), `className`, `head` (an element that stays on top), `length()`,
     *   `item(index)`, `indexOf(item)`, `makeRow()`, `fillRow(row, item, index)`, `onOpen(item)`, `rowHeight()`, `isSame(a, b)`.
     */
    constructor(options) {
        this.options = { role: 'grid', isSame: (a, b) => a === b, onOpen: () => {}, onMove: () => {}, ...options };
        this.prefix = `list-${listCount += 1}`;
        this.spacer = el('div', { class: 'spacer', role: 'rowgroup' });
        this.element = el('div', { class: `list ${options.className ?? ''}`, role: this.options.role, tabindex: '0', 'aria-label': options.label });
        if (options.head) this.element.append(el('div', { role: 'rowgroup', class: 'list-head' }, options.head));
        this.element.append(this.spacer);
        this.element.addEventListener('scroll', () => this.#scrolled(), { passive: true });
        this.element.addEventListener('keydown', (event) => this.#pressed(event));
        this.spacer.addEventListener('click', (event) => this.#clicked(event));
        this.spacer.addEventListener('pointerover', ({ target }) => revealed(target));
        this.observer = new ResizeObserver(() => this.refresh());
        this.observer.observe(this.element);
        /** Whether the list stays at its end as rows come. */
        this.follows = false;
    }

    end() {
        this.observer.disconnect();
    }

    get active() {
        return this.#active;
    }

    #headHeight() {
        return this.options.head ? this.options.head.offsetHeight : 0;
    }

    /** Draws what is to be seen now. */
    refresh() {
        const { options, element } = this;
        const [length, height] = [options.length(), options.rowHeight()];
        this.spacer.style.height = `${length * height}px`;
        set(element, 'aria-rowcount', String(length + (options.head ? 1 : 0)));
        this.#keepPlace(length, height);
        // Once, before rows are changed: a question after that has the whole page laid out in the middle of a frame.
        const top = element.scrollTop;
        const view = Math.max(element.clientHeight - this.#headHeight(), 0);
        const first = Math.max(0, Math.floor(top / height) - MARGIN);
        const last = Math.min(length, Math.ceil((top + view) / height) + MARGIN);
        this.#activeIndex = this.#active === null ? -1 : options.indexOf(this.#active);
        this.#draw(first, last, height);
        this.#note(top, height);
    }

    #keepPlace(length, height) {
        const { element, options } = this;
        if (this.follows) {
            element.scrollTop = length * height;
        } else if (this.#anchor && element.scrollTop > 0) {
            const index = options.indexOf(this.#anchor.item);
            const wanted = index * height + this.#anchor.offset;
            if (index >= 0 && Math.abs(wanted - element.scrollTop) >= 1) element.scrollTop = wanted;
        }
    }

    /** Remembers what stands at the top. */
    #note(top, height) {
        const index = Math.floor(top / height);
        const item = index < this.options.length() ? this.options.item(index) : undefined;
        this.#anchor = item === undefined ? null : { item, offset: top - index * height };
    }

    #draw(first, last, height) {
        const drawn = new Map();
        const free = [];
        for (const [index, row] of this.#drawn) {
            if (index >= first && index < last) drawn.set(index, row);
            else free.push(row);
        }
        for (let index = first; index < last; index += 1) {
            let row = drawn.get(index);
            if (!row) {
                row = free.pop() ?? this.#make();
                drawn.set(index, row);
            }
            this.#fill(row, index, height);
        }
        for (const row of free) row.remove();
        this.#drawn = drawn;
        set(this.element, 'aria-activedescendant', this.#drawn.get(this.#activeIndex)?.id ?? null);
    }

    #make() {
        const row = this.options.makeRow();
        this.#rows.push(row);
        row.id = `${this.prefix}-${this.#rows.length}`;
        row.setAttribute('role', 'row');
        row.classList.add('row');
        return row;
    }

    #fill(row, index, height) {
        const item = this.options.item(index);
        row.style.transform = `translateY(${index * height}px)`;
        set(row, 'aria-rowindex', String(index + (this.options.head ? 2 : 1)));
        set(row, 'aria-selected', String(index === this.#activeIndex));
        row.classList.toggle('active', index === this.#activeIndex);
        row.classList.toggle('odd', index % 2 === 1);
        this.options.fillRow(row, item, index);
        row.item = item;
        if (row.parentNode !== this.spacer) this.spacer.append(row);
    }

    #scrolled() {
        const height = this.options.rowHeight();
        if (this.follows && this.element.scrollTop + this.element.clientHeight < this.spacer.offsetHeight + this.#headHeight() - height) {
            this.follows = false;
            this.options.onFollow?.(false);
        }
        this.#note(this.element.scrollTop, height);
        this.refresh();
    }

    /** Makes an item the active one, and brings it onto the screen. */
    moveTo(index, opens = false) {
        const length = this.options.length();
        if (length === 0) return;
        const place = Math.min(Math.max(index, 0), length - 1);
        this.#active = this.options.item(place);
        const [height, top] = [this.options.rowHeight(), this.element.scrollTop];
        const view = this.element.clientHeight - this.#headHeight();
        if (place * height < top) this.element.scrollTop = place * height;
        else if ((place + 1) * height > top + view) this.element.scrollTop = (place + 1) * height - view;
        this.#note(this.element.scrollTop, height);
        this.refresh();
        if (opens) this.options.onOpen(this.#active);
        else this.options.onMove(this.#active);
    }

    /** Moves by so many rows from the active one. */
    moveBy(step) {
        const index = this.#active === null ? -1 : this.options.indexOf(this.#active);
        const start = index >= 0 ? index : Math.ceil(this.element.scrollTop / this.options.rowHeight()) - Math.sign(step);
        this.moveTo(start + step);
    }

    openActive() {
        if (this.#active !== null && this.options.indexOf(this.#active) >= 0) this.options.onOpen(this.#active);
    }

    /** No item is the active one. */
    clear() {
        this.#active = null;
        this.refresh();
    }

    /** To the top, as for another question. */
    rewind() {
        [this.#anchor, this.element.scrollTop] = [null, 0];
    }

    #pressed(event) {
        if (event.target !== this.element || event.altKey || event.ctrlKey || event.metaKey) return;
        const page = Math.max(1, Math.floor((this.element.clientHeight - this.#headHeight()) / this.options.rowHeight()) - 1);
        const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page };
        if (event.key in steps) this.moveBy(steps[event.key]);
        else if (event.key === 'Home') this.moveTo(0);
        else if (event.key === 'End') this.moveTo(this.options.length() - 1);
        else if (event.key === 'Enter') this.openActive();
        else return;
        event.preventDefault();
    }

    #clicked(event) {
        const row = event.target.closest('[role=row]');
        if (!row || event.target.closest('a,button,input') || !getSelection().isCollapsed) return;
        this.#active = row.item;
        this.element.focus({ preventScroll: true });
        this.refresh();
        this.options.onOpen(row.item);
    }
}

/** Elements whose tip is the text that is cut off in them. */
const tipped = new WeakSet();

function revealed(element) {
    const isCut = element.scrollWidth > element.clientWidth + 1 && element.textContent.length < 2_000;
    if (isCut && (tipped.has(element) || !element.title)) {
        tipped.add(element);
        set(element, 'title', element.textContent);
    } else if (tipped.delete(element)) {
        set(element, 'title', null);
    }
}

/** Buttons that are the heads of columns: `[[key, text, className]]`; those with a key sort. */
export function columnHeads(columns, onSort) {
    const cells = columns.map(([key, text, className]) => key
        ? el('div', { role: 'columnheader', class: className ?? '', 'data-sort': key },
            el('button', { class: 'sort', onclick: () => onSort(key) }, text, el('span', { class: 'direction', 'aria-hidden': 'true' })))
        : el('div', { role: 'columnheader', class: className ?? '' }, text));
    return el('div', { role: 'row', class: 'heads', 'aria-rowindex': '1' }, ...cells);
}

/** Marks the column that the list is sorted by. */
export function markSort(heads, key, isDescending) {
    for (const cell of heads.children) {
        if (!cell.dataset.sort) continue;
        const isSorted = cell.dataset.sort === key;
        set(cell, 'aria-sort', isSorted ? isDescending ? 'descending' : 'ascending' : 'none');
    }
}
