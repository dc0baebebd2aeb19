/** One message: what a person reads of it first, then all of it. */
import { readableFields } from '../model/finding.js';
import { fullMoment, shown, shownLines } from '../model/text.js';
import { copyButton, severityBadge, showSeverity } from '../parts/controls.js';
import { el, write } from '../parts/dom.js';
import { icon } from '../parts/icons.js';

export class Inspector {
    row = null;

    constructor(page) {
        this.page = page;
        this.severity = severityBadge();
        this.title = el('h2', { tabindex: '-1' });
        this.target = el('p', 'mono target');
        this.fields = el('dl', 'fields');
        this.raw = el('pre', { tabindex: '0', 'aria-label': 'The message as JSON' });
        this.facts = el('p', 'facts');
        this.element = el('aside', { class: 'panel inspector', 'aria-label': 'Message', hidden: true },
            el('div', 'panel-head', this.severity, el('span', 'grow'),
                el('button', { class: 'quiet icon-only', 'aria-label': 'The one above', title: 'The one above (k)', onclick: () => page.step(-1) }, icon('up')),
                el('button', { class: 'quiet icon-only', 'aria-label': 'The one below', title: 'The one below (j)', onclick: () => page.step(1) }, icon('down')),
                el('button', { class: 'quiet icon-only', 'aria-label': 'Close', title: 'Close (Esc)', onclick: () => page.inspect(null) }, icon('close'))),
            el('div', 'panel-body', this.title, this.target, this.fields, this.facts,
                el('div', 'json-head', el('h3', {}, 'JSON'), copyButton('Copy', () => JSON.stringify(this.row?.message ?? null, null, 2)), copyButton('Copy link', () => location.href)), this.raw));
    }

    show(row) {
        this.row = row;
        this.element.hidden = row === null;
        if (row === null) return;
        showSeverity(this.severity, row.rank);
        this.severity.hidden = !row.isFinding;
        write(this.title, row.title);
        write(this.target, row.target);
        this.target.hidden = row.target === '';
        this.fields.replaceChildren(...readableFields(row).filter(([, value]) => value !== row.title && value !== row.target).map(([name, value]) => el('div', {}, el('dt', {}, name), el('dd', {}, ...this.#value(value)))));
        write(this.facts, `${row.type} · message ${row.seq}${row.at === null ? '' : ` · ${fullMoment(row.at)}`}`);
        write(this.raw, shownLines(row.message, 200_000));
        this.element.querySelector('.panel-body').scrollTop = 0;
    }

    /** A value for reading: lists as pieces, objects as indented text. Addresses stay text: whom they lead to is not ours to say. */
    #value(value) {
        if (Array.isArray(value) && value.every((part) => typeof part !== 'object' || part === null)) {
            return value.slice(0, 50).map((part) => el('span', 'piece', shown(part, 400)));
        }
        if (typeof value === 'object' && value !== null) return [el('pre', {}, shownLines(value, 4_000))];
        const text = shownLines(value, 8_000);
        return [text.includes('\n') ? el('pre', {}, text) : el('span', {}, text)];
    }
}
