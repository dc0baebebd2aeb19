/** The page of one scan: its store, what feeds it, and the views over it. */
import { Facets } from '../model/facets.js';
import { FORMATS } from '../model/export.js';
import { isFindingType, OUTPUT_TYPES } from '../model/finding.js';
import { isEmpty, none, predicate, readFilters, writeFilters } from '../model/filters.js';
import { HostTree } from '../model/hosts.js';
import { ScanStore } from '../model/scan-store.js';
import { Selection } from '../model/selection.js';
import { count, many } from '../model/text.js';
import { Timeline } from '../model/timeline.js';
import { Feed } from '../net/feed.js';
import { save, searchField } from '../parts/controls.js';
import { el, Painter, rove, set, write } from '../parts/dom.js';
import { icon } from '../parts/icons.js';
import { Delivery } from './delivery.js';
import { FacetsView } from './facets-view.js';
import { FindingsView } from './findings-view.js';
import { HostsView } from './hosts-view.js';
import { Inspector } from './inspector.js';
import { MessagesView } from './messages-view.js';
import { OutputView } from './output-view.js';
import { ScanHead } from './scan-head.js';
import { Tiles } from './tiles.js';
import { TimelineView } from './timeline-view.js';

const narrow = matchMedia('(max-width: 720px)');
const TABS = { findings: 'Findings', hosts: 'Hosts', output: 'Output', messages: 'Messages' };
const ORDERS = ['newest', 'oldest', 'severity', 'target', 'title'];
/** How often what sums up is drawn anew, in milliseconds. */
const SUMS_MS = 250;
/** Rows that are searched within one frame of the screen. */
const SEARCHED_ROWS = 3_000;
/** Which rows each tab has, before filters. */
const OF_TAB = { findings: (row) => row.isFinding, output: (row) => OUTPUT_TYPES.has(row.type), messages: () => true };
/** What a message asks no filter of: lines of output have no severity, and are no findings of a host. */
const ASKED_OF_OUTPUT = ['q', 'from', 'to'];

export class ScanPage {
    #sumsAt = -Infinity;
    #told = 0;
    #toldCritical = 0;

    constructor(app, scanId) {
        [this.app, this.scanId] = [app, scanId];
        this.store = new ScanStore();
        this.feed = new Feed(app.api, scanId, this.store);
        [this.timeline, this.facets, this.tree] = [new Timeline(), new Facets(), new HostTree()];
        this.filters = none();
        this.tab = 'findings';
        this.question = { number: 0, wants: () => true };
        this.selections = { findings: new Selection(this.store, OF_TAB.findings), output: new Selection(this.store, OF_TAB.output, 'oldest'), messages: new Selection(this.store, OF_TAB.messages) };
        this.painter = new Painter(() => this.#draw());
        this.store.onRows = (fresh, dropped) => this.#took(fresh, dropped);
        this.store.onReset = () => this.#reset();
        this.feed.onChange = () => this.painter.ask();
        this.feed.onToken = (what) => app.tokenEnds(what);
        this.#build();
    }

    #build() {
        this.head = new ScanHead(this);
        [this.timelineView, this.tiles, this.facetsView] = [new TimelineView(this), new Tiles(this), new FacetsView(this)];
        const { findings, output, messages } = this.selections;
        this.views = { findings: new FindingsView(this, findings), hosts: new HostsView(this), output: new OutputView(this, output), messages: new MessagesView(this, messages) };
        [this.inspector, this.delivery] = [new Inspector(this), new Delivery(this)];
        this.tabs = Object.fromEntries(Object.entries(TABS).map(([name, word]) => [name, el('button', { role: 'tab', id: `tab-${name}`, 'aria-controls': 'tab-panel', onclick: () => this.show(name) }, el('span', {}, word), el('span', 'count'))]));
        const tabs = el('div', { class: 'tabs', role: 'tablist', 'aria-label': 'Views' }, ...Object.values(this.tabs));
        this.settleTabs = rove(tabs, '[role=tab]');
        const { box, input } = searchField('Search in this scan', 'Search', (q) => this.filter({ q: q.trim() }));
        this.search = input;
        this.clear = el('button', { class: 'link', hidden: true, onclick: () => this.filter(none()) }, 'Clear filters');
        this.sum = el('span', { class: 'sum', role: 'status' });
        this.sideways = el('button', { class: 'chip facet-switch', 'aria-expanded': 'false', onclick: () => this.toggleFacets() }, icon('filter', 'icon small'), 'Filters');
        this.empty = el('p', { class: 'list-empty' });
        this.panel = el('div', { class: 'tab-panel', id: 'tab-panel', role: 'tabpanel' });
        this.body = el('div', { class: 'scan-body' }, this.facetsView.element, el('div', { class: 'list-side' }, el('div', 'list-tools', this.sideways, this.sum, this.clear, el('span', 'grow'), this.views.output.follow), this.panel, this.empty), this.inspector.element, this.delivery.element);
        this.element = el('main', { class: 'scan', id: 'main', tabindex: '-1' }, this.head.element, this.timelineView.element, this.tiles.element, el('div', 'toolbar', tabs, box), this.body);
    }

    mount(parent, place) {
        parent.replaceChildren(this.element);
        this.update(place);
        this.feed.open();
        this.clock = setInterval(() => this.painter.ask(), 1_000);
        this.wake = () => this.painter.ask();
        document.addEventListener('visibilitychange', this.wake);
        this.painter.ask();
        this.views[this.tab].element.focus({ preventScroll: true });
    }

    unmount() {
        this.feed.close();
        this.painter.end();
        clearInterval(this.clock);
        document.removeEventListener('visibilitychange', this.wake);
        for (const view of Object.values(this.views)) view.rows.end();
    }

    renewed() {
        this.feed.renew();
    }

    /** The address says what is shown of the scan. */
    update({ query }) {
        this.filters = readFilters(query);
        this.tab = query.get('tab') in TABS ? query.get('tab') : 'findings';
        this.order = ORDERS.includes(query.get('sort')) ? query.get('sort') : 'newest';
        this.wantedRow = Number(query.get('row')) || null;
        if (document.activeElement !== this.search) this.search.value = this.filters.q;
        const wants = predicate(this.filters);
        const asked = JSON.stringify([this.filters, this.order]);
        if (asked !== this.asked) {
            this.asked = asked;
            this.question = { number: this.question.number + 1, wants };
            this.#ask();
        }
        this.views.output.follow.hidden = this.tab !== 'output';
        for (const [name, tab] of Object.entries(this.tabs)) set(tab, 'aria-selected', String(name === this.tab));
        this.settleTabs();
        set(this.panel, 'aria-labelledby', `tab-${this.tab}`);
        const { element } = this.views[this.tab];
        if (this.panel.firstElementChild !== element) this.panel.replaceChildren(element);
        this.#sumsAt = -Infinity;
        this.painter.ask();
    }

    #ask() {
        const { wants } = this.question;
        const { findings, output, messages } = this.selections;
        findings.ask((row) => row.isFinding && wants(row), this.order);
        messages.ask((row) => wants(row), this.order === 'oldest' ? 'oldest' : 'newest');
        const outputWants = predicate({ ...none(), ...Object.fromEntries(ASKED_OF_OUTPUT.map((name) => [name, this.filters[name]])) });
        output.ask((row) => OUTPUT_TYPES.has(row.type) && outputWants(row));
        for (const name of ['findings', 'messages']) this.views[name].rows.rewind();
    }

    ask() {
        this.painter.ask();
    }

    get isFiltered() {
        return !isEmpty(this.filters);
    }

    /** The gateway's word, or what the messages say where there is no channel any more. */
    get outcome() {
        const { state } = this.feed;
        if (!state) return this.store.phases.outcome ?? (this.feed.isFound === false ? null : 'running');
        // What came since the gateway was asked says more than its answer.
        const told = this.store.phases.outcome ?? state.outcome;
        if (told === 'completed' || told === 'failed') return told;
        if (state.is_completed && this.store.head <= state.seq) return state.outcome;
        return this.store.isStalled ? 'stalled' : 'running';
    }

    // What a person does

    filter(change) {
        this.#go({ filters: { ...this.filters, ...change } });
    }

    sort(order) {
        this.#go({ order });
    }

    show(tab) {
        this.#go({ tab }, true);
    }

    #go(change, isStep = false) {
        const next = { filters: this.filters, tab: this.tab, order: this.order, row: this.inspector.row?.seq ?? null, ...change };
        const query = new URLSearchParams();
        if (next.tab !== 'findings') query.set('tab', next.tab);
        if (next.order !== 'newest') query.set('sort', next.order);
        writeFilters(next.filters, query);
        if (next.row !== null) query.set('row', String(next.row));
        this.app.go({ page: 'scan', scanId: this.scanId, query }, isStep);
    }

    inspect(row) {
        const wasOpen = this.inspector.row !== null;
        const isClosing = row === null && wasOpen;
        this.#showRow(row);
        if (row !== null && !this.delivery.element.hidden) this.toggleDelivery();
        // On a small screen what is open covers the list, and Back is what closes it.
        this.#go({ row: row?.seq ?? null }, row !== null && !wasOpen && narrow.matches);
        if (isClosing) this.views[this.tab].element.focus({ preventScroll: true });
    }

    #showRow(row) {
        this.inspector.show(row);
        this.#makeRoom();
    }

    /** The list gives way to what is open beside it. */
    #makeRoom() {
        this.element.classList.toggle('with-panel', this.inspector.row !== null || !this.delivery.element.hidden);
    }

    /** The list moved on: what is open follows. */
    peek(row) {
        if (this.inspector.row !== null) this.inspect(row);
    }

    step(by) {
        this.views[this.tab].rows.moveBy(by);
    }

    toggleDelivery() {
        const isOpen = this.delivery.element.hidden;
        this.delivery.element.hidden = !isOpen;
        this.head.showDelivery(isOpen);
        if (isOpen && this.inspector.row !== null) this.inspect(null);
        this.#makeRoom();
        this.painter.ask();
    }

    /** Where there is no room for them beside the list, filters open over it. */
    toggleFacets() {
        const isOpen = this.element.classList.toggle('with-facets');
        set(this.sideways, 'aria-expanded', String(isOpen));
    }

    exportItems() {
        const selection = this.selections[this.tab] ?? this.selections.findings;
        while (!selection.step());
        const what = this.tab === 'output' ? 'lines' : this.tab === 'messages' ? 'messages' : 'findings';
        return Object.entries(FORMATS).map(([name, { label, note }]) => ({
            label: `${label} · ${count(selection.length)} ${what}`, note, isDisabled: selection.length === 0 || (name === 'sarif' && this.tab === 'output'), run: () => this.#export(name, selection.all()),
        }));
    }

    async #export(name, rows) {
        const { pieces, mediaType, extension } = FORMATS[name];
        const parts = [];
        for (const piece of pieces(rows, { scanId: this.scanId })) {
            parts.push(piece);
            // The page stays fluid while a large file is made.
            if (parts.length % 4 === 0) await new Promise((resolve) => { setTimeout(resolve); });
        }
        save(`${this.scanId}.${extension}`, mediaType, parts);
        this.app.say(`${this.scanId}.${extension}: ${many(rows.length, 'row')}.`);
    }

    // What comes

    #took(fresh, dropped) {
        this.timeline.take(fresh);
        this.facets.update(fresh, dropped ? this.store.rows : null);
        if (dropped) this.tree.reset();
        this.tree.take(dropped ? this.store.rows : fresh);
        for (const selection of Object.values(this.selections)) selection.take(fresh, dropped);
    }

    #reset() {
        for (const model of [this.timeline, this.facets, this.tree, ...Object.values(this.selections ?? {})]) model?.reset();
        if (this.inspector) this.#showRow(null);
    }

    /** How many findings were posted, by the gateway's count of types. */
    saidFindings() {
        return Object.entries(this.feed.state?.counts ?? {}).reduce((sum, [type, number]) => sum + (isFindingType(type) ? number : 0), 0);
    }

    /** Whether so many are missing that it is no matter of moments, and none was left out here for want of room. */
    get isPartial() {
        const { store } = this;
        return store.droppedCount === 0 && this.saidFindings() - store.findingCount > Math.max(5, store.findingCount * 0.02);
    }

    // Drawing

    #draw() {
        const now = Date.now();
        const selection = this.selections[this.tab];
        if (selection && !selection.step(this.filters.q ? SEARCHED_ROWS : undefined)) this.painter.ask();
        this.head.draw(now);
        this.views[this.tab].refresh();
        if (this.wantedRow !== null && this.inspector.row?.seq !== this.wantedRow) this.#showRow(this.store.row(this.wantedRow));
        if (now - this.#sumsAt >= SUMS_MS) {
            this.#sumsAt = now;
            this.#drawSums(now);
        } else if (!this.sumsTimer) {
            this.sumsTimer = setTimeout(() => {
                this.sumsTimer = null;
                this.painter.ask();
            }, SUMS_MS);
        }
    }

    #drawSums(now) {
        this.timelineView.draw(now);
        this.tiles.draw();
        this.facetsView.draw();
        this.delivery.draw();
        const { store } = this;
        const counts = { findings: store.findingCount, hosts: this.tree.hosts.size, output: store.outputCount, messages: store.rows.length };
        for (const [name, tab] of Object.entries(this.tabs)) write(tab.lastElementChild, count(counts[name]));
        const listed = this.tab === 'hosts' ? this.views.hosts.length : this.selections[this.tab].length;
        const words = { findings: 'finding', output: 'line', messages: 'message' }[this.tab];
        write(this.sum, this.tab === 'hosts' ? many(counts.hosts, 'host') : this.isFiltered ? `${count(listed)} of ${many(counts[this.tab], words)}` : many(listed, words));
        this.clear.hidden = !this.isFiltered;
        this.empty.hidden = listed > 0;
        write(this.empty, listed > 0 ? '' : this.#emptyText());
        this.#tell();
    }

    #emptyText() {
        const { loaded, total, isComplete } = this.feed.progress;
        if (this.feed.refusal) return '';
        if (this.feed.isFound === false) return 'Nothing was posted to this scan yet. It shows here as soon as it begins.';
        if (!isComplete) return total > 0 ? `Loading ${count(loaded)} of ${count(total)}…` : 'Loading…';
        return this.views[this.tab].emptyText();
    }

    /** What came since it was said last, for those who do not see it. */
    #tell() {
        const { store } = this;
        if (!this.feed.progress.isComplete) return void ([this.#told, this.#toldCritical] = [store.findingCount, store.ranks[0]]);
        const [fresh, critical] = [store.findingCount - this.#told, store.ranks[0] - this.#toldCritical];
        [this.#told, this.#toldCritical] = [store.findingCount, store.ranks[0]];
        this.freshCount = (this.freshCount ?? 0) + fresh;
        this.freshCritical = (this.freshCritical ?? 0) + critical;
        if (fresh > 0) {
            this.app.announcer.say('findings', () => {
                const text = `${many(this.freshCount, 'new finding')}${this.freshCritical > 0 ? `, ${this.freshCritical} critical` : ''}`;
                [this.freshCount, this.freshCritical] = [0, 0];
                return text;
            });
        }
        if (this.outcome !== this.toldOutcome && this.toldOutcome !== undefined) this.app.announcer.say('outcome', `The scan is ${this.outcome}`);
        this.toldOutcome = this.outcome;
    }

    keys(event) {
        const { rows } = this.views[this.tab];
        if (event.key === 'j') rows.moveBy(1);
        else if (event.key === 'k') rows.moveBy(-1);
        else if (event.key === 'Enter' && event.target === document.body) rows.openActive();
        else if (/^[1-5]$/.test(event.key)) this.tiles.only(Number(event.key) - 1);
        else if (event.key === 'f' && this.tab === 'output') this.views.output.toggleFollow();
        else if (event.key === 'Escape') return this.#escape();
        else return false;
        return true;
    }

    /** Closes what is open; then filters; then the page. */
    #escape() {
        if (this.inspector.row !== null) this.inspect(null);
        else if (this.element.classList.contains('with-facets')) this.toggleFacets();
        else if (!this.delivery.element.hidden) this.toggleDelivery();
        else if (this.isFiltered) this.filter(none());
        else this.app.go({ page: 'overview' }, true);
        return true;
    }
}
