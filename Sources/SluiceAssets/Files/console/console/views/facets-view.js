/** What the findings have in common, beside the list: types by the gateway's count, hosts, ports and tags by what is here. */
import { FACETS } from '../model/facets.js';
import { isFindingType } from '../model/finding.js';
import { toggled } from '../model/filters.js';
import { compact, count } from '../model/text.js';
import { el, Keyed, set, write } from '../parts/dom.js';
import { icon } from '../parts/icons.js';

const TITLES = { type: 'Type', host: 'Host', port: 'Port', tag: 'Tag' };
const [FEW, MANY] = [6, 60];

export class FacetsView {
    constructor(page) {
        this.page = page;
        this.groups = Object.fromEntries(FACETS.map((name) => [name, this.#group(name)]));
        this.note = el('p', { class: 'facets-note', hidden: true });
        this.element = el('aside', { class: 'facets', 'aria-label': 'Filters' },
            el('div', 'facets-head', el('h2', {}, 'Filters'), el('span', 'grow'), el('button', { class: 'quiet icon-only', 'aria-label': 'Close the filters', onclick: () => page.toggleFacets() }, icon('close'))), ...FACETS.map((name) => this.groups[name].element), this.note);
    }

    #group(name) {
        const list = el('div', 'values');
        const group = { isLong: false };
        group.items = new Keyed(list, (value) => el('button', { class: 'value', 'aria-pressed': 'false', title: value, onclick: () => this.page.filter(toggled(this.page.filters, name, value)) }, el('span', 'text', value), el('span', 'count')));
        group.more = el('button', { class: 'link more', hidden: true, onclick: () => {
            group.isLong = !group.isLong;
            this.draw();
        } });
        group.element = el('details', { open: true }, el('summary', {}, icon('down', 'icon small'), TITLES[name]), list, group.more);
        return group;
    }

    draw() {
        const { facets, filters } = this.page;
        for (const name of FACETS) {
            const group = this.groups[name];
            const { values, isAll } = facets.top(name, group.isLong ? MANY : FEW, filters[name], name === 'type' ? this.#types() : null);
            group.element.hidden = values.length === 0;
            group.items.show(values.map(([value]) => value), (button, value, index) => {
                write(button.lastElementChild, compact(values[index][1]));
                button.lastElementChild.title = count(values[index][1]);
                set(button, 'aria-pressed', String(filters[name].includes(value)));
            });
            group.more.hidden = isAll && !group.isLong;
            write(group.more, group.isLong ? 'Fewer' : 'More');
        }
        this.#drawNote();
    }

    /** The gateway counts types and severities of all messages; hosts, ports and tags are known of those that are here. */
    #drawNote() {
        const { store } = this.page;
        this.note.hidden = !this.page.isPartial && store.droppedCount === 0;
        if (this.note.hidden) return;
        const [here, lost] = [store.findingCount, this.page.lostFindings()];
        write(this.note, `Hosts, ports and tags are counted in the ${lost > 0 ? `${count(here)} of ${count(here + lost)}` : count(here)} findings that are here.`);
    }

    /** The gateway counted all messages; what came since it was asked is counted here. */
    #types() {
        const counts = new Map(this.page.facets.maps.type);
        for (const [type, number] of Object.entries(this.page.feed.state?.counts ?? {})) {
            if (Number.isFinite(number)) counts.set(type, Math.max(number, counts.get(type) ?? 0));
        }
        if (this.page.tab === 'findings' || this.page.tab === 'hosts') for (const type of counts.keys()) if (!isFindingType(type)) counts.delete(type);
        return counts;
    }
}
