/** All scans: how they stand, what they found, how far they are. Searched, sorted and paged by the gateway. */
import { SAMPLES, TABS } from '../model/scan-list.js';
import { countsByRank } from '../model/severity.js';
import { ago, compact, count, duration, many, moment, shown } from '../model/text.js';
import { outcomeBadge, searchField, showOutcome } from '../parts/controls.js';
import { el, Painter, rove, set, write } from '../parts/dom.js';
import { icon } from '../parts/icons.js';
import { severityBar, showSeverityBar } from '../parts/severity-bar.js';
import { showSparkline, sparkline } from '../parts/sparkline.js';
import { columnHeads, markSort, VirtualList } from '../parts/virtual-list.js';

const COLUMNS = [
    [null, 'State', 'c-state'], ['id', 'Scan', 'c-name'], [null, 'Phase', 'c-phase'], ['severity', 'Findings', 'c-severities'],
    [null, 'Hosts', 'c-number hosts'], [null, 'Ports', 'c-number ports'], ['messages', 'Messages', 'c-spark'], ['started', 'Started', 'c-time started'], ['last_message', 'Last message', 'c-time'],
];
/** The way that a column sorts when it is first chosen. */
const FIRST_WAY = { id: '', severity: '-', messages: '-', started: '-', last_message: '-' };
/** The newest scan first: an order in which rows stand still while messages come. */
const DEFAULT_SORT = '-started';
const TAB_WORDS = { all: 'All', running: 'Running', stalled: 'Stalled', failed: 'Failed', completed: 'Completed' };
const narrow = matchMedia('(max-width: 720px)');

export class Overview {
    constructor(app) {
        this.app = app;
        this.list = app.scans.list;
        this.painter = new Painter(() => this.#draw());
        this.#build();
    }

    #build() {
        const { box, input } = searchField('Search scans by name or id', 'Name or id', (text) => this.#go({ q: text.trim() }));
        this.search = input;
        this.tabs = Object.fromEntries(TABS.map((name) => [name, el('button', { role: 'tab', onclick: () => this.#go({ tab: name === 'all' ? '' : name }) }, el('span', {}, TAB_WORDS[name]), el('span', 'count'))]));
        const tabs = el('div', { class: 'tabs', role: 'tablist', 'aria-label': 'Scans by state' }, ...Object.values(this.tabs));
        this.settleTabs = rove(tabs, '[role=tab]');
        this.tiles = Object.fromEntries(['running', 'stalled', 'failed', 'criticals'].map((name) => [name, this.#tile(name)]));
        this.heads = columnHeads(COLUMNS, (key) => this.#sort(key));
        this.rows = new VirtualList({
            label: 'Scans', className: 'scans', head: this.heads,
            length: () => this.list.scans.length,
            item: (index) => this.list.scans[index],
            indexOf: (scan) => this.list.scans.findIndex((other) => other.scan_id === scan.scan_id),
            rowHeight: () => narrow.matches ? 92 : 52,
            makeRow: makeRow,
            fillRow: (row, scan) => this.#fill(row, scan),
            onOpen: (scan) => this.app.go({ page: 'scan', scanId: scan.scan_id }),
        });
        this.note = el('p', { class: 'list-note', role: 'status' });
        this.element = el('main', { class: 'overview', id: 'main', tabindex: '-1' }, el('h1', 'hidden', 'Scans'),
            el('div', { class: 'strip' }, ...Object.values(this.tiles).map((tile) => tile.element)),
            el('div', 'toolbar', tabs, box), this.rows.element, this.note);
        this.rows.element.addEventListener('scroll', () => this.#reach(), { passive: true });
    }

    #tile(name) {
        const words = { running: 'running', stalled: 'stalled', failed: 'failed', criticals: 'new criticals' };
        const value = el('b');
        const note = el('small');
        const element = name === 'criticals'
            ? el('button', { class: 'tile criticals', title: 'Show the worst scans first, and count anew from now on', onclick: () => this.#showCriticals() }, icon('warning'), value, el('span', {}, words[name]), note)
            : el('button', { class: `tile ${name}`, onclick: () => this.#go({ tab: this.wanted.outcome === name ? '' : name }) }, icon(name), value, el('span', {}, words[name]), note);
        return { element, value, note };
    }

    /** The scans with critical findings come first, and those that were counted as new are seen. */
    #showCriticals() {
        this.app.scans.seen();
        this.#go({ tab: '', q: '', sort: '-severity' });
    }

    mount(parent, place) {
        parent.replaceChildren(this.element);
        document.title = 'Scans · Sluice';
        this.unlisten = this.app.scans.listen(() => this.painter.ask());
        this.update(place);
        this.clock = setInterval(() => this.painter.ask(), 1_000);
        this.rows.element.focus({ preventScroll: true });
    }

    unmount() {
        this.unlisten();
        clearInterval(this.clock);
    }

    /** The address says what is listed. */
    update({ query }) {
        const outcome = TABS.includes(query.get('tab')) && query.get('tab') !== 'all' ? query.get('tab') : '';
        const q = (query.get('q') ?? '').slice(0, 200);
        const sort = /^-?(id|started|last_message|messages|severity)$/.test(query.get('sort') ?? '') ? query.get('sort') : DEFAULT_SORT;
        this.wanted = { outcome, q, sort };
        if (document.activeElement !== this.search) this.search.value = q;
        for (const [name, tab] of Object.entries(this.tabs)) set(tab, 'aria-selected', String(name === (outcome || 'all')));
        this.settleTabs();
        markSort(this.heads, sort.replace('-', ''), sort.startsWith('-'));
        if (this.app.scans.want(this.wanted)) this.rows.rewind();
        this.painter.ask();
    }

    #go(change) {
        const query = new URLSearchParams();
        const { outcome, q, sort } = this.wanted;
        const next = { tab: outcome, q, sort: sort === DEFAULT_SORT ? '' : sort, ...change };
        for (const [name, value] of Object.entries(next)) if (value) query.set(name, value);
        this.app.go({ page: 'overview', query }, 'tab' in change);
    }

    #sort(key) {
        const { sort } = this.wanted;
        const next = sort.replace('-', '') === key ? sort.startsWith('-') ? key : `-${key}` : FIRST_WAY[key] + key;
        this.#go({ sort: next === DEFAULT_SORT ? '' : next });
    }

    /** More of the list before its end is reached. */
    #reach() {
        const { element } = this.rows;
        if (element.scrollTop + element.clientHeight * 3 > this.rows.spacer.offsetHeight) this.app.scans.more();
    }

    #draw() {
        const { tabs, total } = this.list;
        for (const [name, tab] of Object.entries(this.tabs)) write(tab.lastElementChild, tabs ? count(tabs[name]) : '');
        for (const name of ['running', 'stalled', 'failed']) {
            write(this.tiles[name].value, tabs ? count(tabs[name]) : '–');
            this.tiles[name].element.classList.toggle('zero', !tabs?.[name]);
            set(this.tiles[name].element, 'aria-pressed', String(this.wanted.outcome === name));
        }
        const { fresh, since } = this.app.scans.criticals;
        write(this.tiles.criticals.value, fresh === null ? '–' : count(fresh));
        write(this.tiles.criticals.note, since === null ? '' : `since ${moment(since, Date.now())}`);
        this.tiles.criticals.element.classList.toggle('zero', !fresh);
        write(this.tiles.running.note, this.app.scans.rate === null ? '' : `${compact(this.app.scans.rate)} messages/s`);
        this.rows.refresh();
        this.#reach();
        write(this.note, this.#noteText(total));
    }

    #noteText(total) {
        if (this.app.scans.trouble) return this.app.scans.trouble;
        if (total === null) return 'Loading…';
        if (total === 0) return this.wanted.q || this.wanted.outcome ? 'No scan matches. Clear the search, or choose another tab.' : 'No scans yet. “sluice run --scan ID -- nmap …” starts one.';
        const listed = this.list.scans.length;
        return listed < total ? `${count(listed)} of ${many(total, 'scan')}` : many(total, 'scan');
    }

    #fill(row, scan) {
        const now = Date.now();
        const { cells } = row;
        showOutcome(cells.state, scan.outcome);
        const name = shown(scan.name || scan.scan_id, 128);
        write(cells.link, name);
        set(cells.link, 'href', `#/scans/${encodeURIComponent(scan.scan_id)}`);
        write(cells.id, scan.name ? shown(scan.scan_id, 128) : '');
        write(cells.owner, scan.owner ? shown(scan.owner, 80) : '');
        this.#fillPhase(cells, scan, now);
        showSeverityBar(cells.severities, countsByRank(scan.severities));
        const { hostDiscovered: hosts = 0, portFound: ports = 0 } = scan.counts ?? {};
        write(cells.hosts, hosts ? compact(hosts) : '–');
        write(cells.ports, ports ? compact(ports) : '–');
        write(cells.messages, compact(scan.message_count));
        cells.messages.title = many(scan.message_count, 'message');
        showSparkline(cells.spark, this.list.rates(scan.scan_id), SAMPLES, scan.is_completed);
        write(cells.started, moment(scan.started_at, now));
        write(cells.last, ago(scan.last_message_at, now));
        set(row, 'aria-label', `${name}, ${scan.outcome}`);
    }

    #fillPhase(cells, scan, now) {
        const isOver = scan.is_completed;
        const hasPercent = Number.isFinite(scan.percent) && !isOver;
        write(cells.phase, scan.outcome === 'failed' ? shown(scan.error ?? 'No reason given', 200) : isOver ? `Took ${duration(scan.elapsed_time)}` : shown(scan.phase ?? 'Running', 80));
        cells.phase.title = cells.phase.textContent;
        write(cells.percent, hasPercent ? `${Math.floor(scan.percent)} %` : '');
        cells.progress.hidden = isOver;
        set(cells.progress, 'class', `progress${hasPercent ? '' : scan.outcome === 'stalled' ? ' still' : ' busy'}`);
        cells.progress.firstElementChild.style.width = hasPercent ? `${scan.percent}%` : '';
        const left = this.list.remaining(scan, now);
        write(cells.left, left === null ? '' : `${duration(left)} left`);
    }

    keys(event) {
        if (event.key === 'j') this.rows.moveBy(1);
        else if (event.key === 'k') this.rows.moveBy(-1);
        else if (event.key === 'Enter' && event.target === document.body) this.rows.openActive();
        else return false;
        return true;
    }
}

function makeRow() {
    const cells = {
        state: outcomeBadge(), link: el('a', { class: 'name', tabindex: '-1' }), id: el('span', 'id'), owner: el('span', 'owner'),
        phase: el('span', 'phase'), percent: el('span', 'percent'), left: el('span', 'left'), progress: el('span', { class: 'progress', 'aria-hidden': 'true' }, el('i')),
        severities: severityBar(), hosts: el('span'), ports: el('span'), messages: el('span', 'total'), spark: sparkline(), started: el('span'), last: el('span'),
    };
    const cell = (className, ...children) => el('div', { role: 'gridcell', class: className }, ...children);
    const row = el('div', {}, cell('c-state', cells.state), cell('c-name', cells.link, el('span', 'under', cells.id, cells.owner)),
        cell('c-phase', el('span', 'line', cells.phase, cells.percent, cells.left), cells.progress), cell('c-severities', cells.severities),
        cell('c-number hosts', cells.hosts), cell('c-number ports', cells.ports), cell('c-spark', cells.messages, cells.spark), cell('c-time started', cells.started), cell('c-time', cells.last));
    row.cells = cells;
    return row;
}
