/** What the findings have in common, beside the list: types, hosts, ports and tags by the gateway's count. */
import { FACETS } from '../model/facets.js';
import { isFindingType } from '../model/finding.js';
import { toggled } from '../model/filters.js';
import { compact, count } from '../model/text.js';
import { el, Keyed, set, write } from '../parts/dom.js';
import { icon } from '../parts/icons.js';

const TITLES = { type: 'Type', host: 'Host', port: 'Port', tag: 'Tag' };
/** The gateway's names of what it counts. */
const COUNTED = { host: 'hosts', port: 'ports', tag: 'tags' };
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
            const { values, isAll } = facets.top(name, group.isLong ? MANY : FEW, filters[name], this.#counts(name));
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

    /** Where the gateway's counts are of a part of the findings, and of which. */
    #drawNote() {
        const { store, feed } = this.page;
        const texts = [];
        const said = this.page.saidFindings();
        const counted = Math.max(feed.facets?.findings ?? 0, store.findingCount);
        const isShort = said - counted > Math.max(5, counted * 0.02);
        if (feed.facets && !feed.facets.isComplete) texts.push(`The gateway counts: ${count(counted)} of ${count(Math.max(said, counted))} findings so far.`);
        else if (isShort) texts.push(`Hosts, ports and tags are counted in the ${count(counted)} of ${count(said)} findings that the gateway still had when they were counted.`);
        if (feed.progress.isComplete && counted - store.findingCount > Math.max(5, counted * 0.02)) texts.push(`${count(store.findingCount)} of them are here to be listed.`);
        for (const kind of Object.values(COUNTED)) {
            const { others = 0, distinct = 0 } = feed.facets?.[kind] ?? {};
            if (others > 0) texts.push(`More than ${count(distinct)} ${kind}: only the first ${count(distinct)} are counted one by one, ${count(others)} findings are of others.`);
        }
        this.note.hidden = texts.length === 0;
        write(this.note, texts.join(' '));
    }

    /** The gateway counted all messages; what came since it was asked is counted here. */
    #counts(name) {
        const { facets, feed, tab } = this.page;
        if (name !== 'type') return facets.with(name, (feed.facets?.[COUNTED[name]]?.values ?? []).map(({ value, count: number }) => [value, number]));
        const counts = facets.with(name, Object.entries(feed.state?.counts ?? {}));
        if (tab === 'findings' || tab === 'hosts') for (const type of counts.keys()) if (!isFindingType(type)) counts.delete(type);
        return counts;
    }
}
