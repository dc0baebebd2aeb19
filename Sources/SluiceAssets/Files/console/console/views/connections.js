/** Who is connected, for administrators: what each gets, what waits for it, what it missed; and how to end it. */
import { bytes, compact, count, duration, many, shown } from '../model/text.js';
import { Refusal } from '../net/api.js';
import { confirmed, searchField } from '../parts/controls.js';
import { el, Painter, set, write } from '../parts/dom.js';
import { columnHeads, markSort, VirtualList } from '../parts/virtual-list.js';

const LOOK_MS = 2_000;
/** Connections that are asked at each look how far behind they are, and those of the list that take turns in it. */
const [DETAILS, TURNS] = [5, 60];
const COLUMNS = [['user', 'User', 'c-user'], ['kind', 'By', 'c-kind'], ['peer', 'Address', 'c-peer'], ['age_ms', 'Connected', 'c-number'], [null, 'Scans', 'c-scans'],
    ['rate', 'Messages/s', 'c-number'], ['lag', 'Behind', 'c-number'], ['waiting_bytes', 'Waiting', 'c-number'], ['lag_frames', 'Lags', 'c-number lags'], [null, 'Actions', 'c-actions']];
const narrow = matchMedia('(max-width: 720px)');

export class Connections {
    #all = [];
    #listed = [];
    #before = new Map();
    #lags = new Map();
    #sort = { key: 'waiting_bytes', isDescending: true };
    #abort = new AbortController();

    constructor(app) {
        this.app = app;
        this.painter = new Painter(() => this.#draw());
        const { box, input } = searchField('Search connections', 'User, address or scan', () => this.#list());
        this.search = input;
        this.heads = columnHeads(COLUMNS, (key) => {
            this.#sort = { key, isDescending: this.#sort.key === key ? !this.#sort.isDescending : !['user', 'kind', 'peer'].includes(key) };
            this.#list();
        });
        this.rows = new VirtualList({
            label: 'Connections', className: 'connections', head: this.heads,
            length: () => this.#listed.length,
            item: (index) => this.#listed[index],
            indexOf: (one) => this.#listed.findIndex((other) => other.id === one.id),
            rowHeight: () => narrow.matches ? 84 : 44,
            makeRow: () => this.#makeRow(),
            fillRow: (row, one) => this.#fill(row, one),
        });
        this.note = el('p', { class: 'list-note', role: 'status' });
        this.element = el('main', { class: 'connections-page', id: 'main', tabindex: '-1' },
            el('div', 'toolbar', el('h1', {}, 'Connections'), el('button', { class: 'quiet', onclick: () => this.#revokeToken() }, 'Revoke a token…'), box), this.rows.element, this.note);
    }

    mount(parent) {
        parent.replaceChildren(this.element);
        document.title = 'Connections · Sluice';
        this.#look();
        this.rows.element.focus({ preventScroll: true });
    }

    update() {}

    unmount() {
        this.#abort.abort();
        clearTimeout(this.timer);
        this.painter.end();
        this.rows.end();
    }

    async #look() {
        let pause = document.hidden ? LOOK_MS * 5 : LOOK_MS;
        try {
            const answer = await this.app.api.connections({ signal: this.#abort.signal });
            const now = performance.now();
            this.trouble = '';
            this.total = answer.total;
            const before = this.#before;
            this.#before = new Map();
            this.#all = answer.connections.map((one) => {
                const last = before.get(one.id);
                const rate = last && now > last.at ? (one.sent_messages - last.count) * 1000 / (now - last.at) : null;
                this.#before.set(one.id, { count: one.sent_messages, at: now });
                return { ...one, rate, lag: this.#lags.get(one.id)?.lag ?? null };
            });
            for (const id of this.#lags.keys()) if (!this.#before.has(id)) this.#lags.delete(id);
        } catch (error) {
            if (!(error instanceof Refusal)) return;
            this.trouble = error.status === 403 ? 'Only an administrator’s token (role “admin”) shows connections.' : error.message;
            pause = Math.max(5_000, error.retryAfterMs ?? 0);
            if (error.status === 403) this.#all = [];
        }
        this.#list();
        await this.#ask();
        if (this.#abort.signal.aborted) return;
        this.timer = setTimeout(() => this.#look(), pause);
    }

    /** How far a connection is behind its scans' home says, one connection a question: those that are listed take turns. */
    async #ask() {
        const askedAt = ({ id }) => this.#lags.get(id)?.at ?? 0;
        const next = this.#listed.slice(0, TURNS).filter((one) => one.subscriptions.length > 0).sort((a, b) => askedAt(a) - askedAt(b)).slice(0, DETAILS);
        await Promise.all(next.map(async (one) => {
            try {
                const { subscriptions } = await this.app.api.connection(one.id, { signal: this.#abort.signal });
                const known = subscriptions.filter(({ head, cursor }) => Number.isFinite(head) && Number.isFinite(cursor));
                one.lag = known.length > 0 ? Math.max(...known.map(({ head, cursor }) => Math.max(0, head - cursor))) : null;
                this.#lags.set(one.id, { lag: one.lag, at: Date.now() });
            } catch { /* It has gone, or is asked at the next look. */ }
        }));
        this.painter.ask();
    }

    #list() {
        const wanted = this.search.value.trim().toLowerCase();
        const { key, isDescending } = this.#sort;
        const matches = (one) => [one.user, one.peer, one.kind, ...one.subscriptions.map(({ scan_id: id }) => id)].some((text) => String(text).toLowerCase().includes(wanted));
        const compare = (a, b) => (a[key] ?? -1) < (b[key] ?? -1) ? -1 : (a[key] ?? -1) > (b[key] ?? -1) ? 1 : a.id - b.id;
        this.#listed = this.#all.filter(matches).sort((a, b) => isDescending ? -compare(a, b) : compare(a, b));
        this.painter.ask();
    }

    #draw() {
        markSort(this.heads, this.#sort.key, this.#sort.isDescending);
        this.rows.refresh();
        const shownCount = this.#listed.length;
        write(this.note, this.trouble || (this.total === undefined ? 'Loading…' : shownCount < this.total ? `${count(shownCount)} of ${many(this.total, 'connection')}` : many(this.total, 'connection')));
    }

    #makeRow() {
        const cells = Object.fromEntries(['user', 'kind', 'peer', 'age', 'scans', 'rate', 'lag', 'waiting', 'lags'].map((name) => [name, el('span')]));
        cells.end = el('button', { class: 'quiet', tabindex: '-1' }, 'Disconnect');
        const revoke = el('button', { class: 'quiet danger-text', tabindex: '-1' }, 'Revoke');
        cells.revoke = revoke;
        const names = ['c-user', 'c-kind', 'c-peer', 'c-number', 'c-scans', 'c-number', 'c-number', 'c-number', 'c-number lags'];
        const row = el('div', {}, ...Object.values(cells).slice(0, 9).map((cell, index) => el('div', { role: 'gridcell', class: names[index] }, cell)), el('div', { role: 'gridcell', class: 'c-actions' }, cells.end, revoke));
        cells.end.addEventListener('click', () => this.#disconnect(row.item));
        revoke.addEventListener('click', () => this.#revokeUser(row.item));
        row.cells = cells;
        return row;
    }

    #fill(row, one) {
        const { cells } = row;
        const user = shown(one.user, 120);
        write(cells.user, user);
        write(cells.kind, { websocket: 'WebSocket', sse: 'Event stream', event_stream: 'Event stream', ingest: 'Scanner' }[one.kind] ?? shown(one.kind, 40));
        write(cells.peer, shown(one.peer, 80));
        write(cells.age, duration(one.age_ms / 1000));
        const ids = one.subscriptions.map(({ scan_id: id }) => shown(id, 128));
        write(cells.scans, ids.length > 2 ? `${ids.slice(0, 2).join(', ')} +${ids.length - 2}` : ids.join(', '));
        cells.scans.title = ids.slice(0, 30).join('\n');
        write(cells.rate, one.rate === null ? '–' : compact(one.rate));
        write(cells.lag, one.lag === null ? '–' : count(one.lag));
        cells.lag.title = one.lag === null ? '' : many(one.lag, 'message');
        write(cells.waiting, bytes(one.waiting_bytes));
        set(cells.waiting, 'class', one.is_writable ? '' : 'warn-text');
        cells.waiting.title = one.is_writable ? '' : 'Its socket takes nothing just now';
        write(cells.lags, count(one.lag_frames));
        set(cells.end, 'aria-label', `Disconnect ${user}`);
        set(cells.revoke, 'aria-label', `Revoke the tokens of ${user}`);
        cells.revoke.hidden = one.kind === 'ingest';
    }

    async #disconnect(one) {
        const user = shown(one.user, 120);
        if (!await confirmed(`Disconnect ${user}?`, `All connections of ${user} are closed (4403). Whoever has a good token may come back.`, 'Disconnect')) return;
        await this.#try(async () => {
            let { closed } = await this.app.api.disconnect('users', one.user);
            if (closed === 0) ({ closed } = await this.app.api.disconnect('ingest-keys', one.user));
            return `${many(closed, 'connection')} of ${user} closed.`;
        });
    }

    async #revokeUser(one) {
        const user = shown(one.user, 120);
        if (!await confirmed(`Revoke the tokens of ${user}?`, `Every token of ${user} that was issued before now ends at once (4401), and its connections with it. New tokens are not affected.`, 'Revoke')) return;
        await this.#try(async () => {
            await this.app.api.revoke({ sub: one.user, issuedBefore: 'now' });
            return `The tokens of ${user} are revoked.`;
        });
    }

    async #revokeToken() {
        const input = el('input', { autocomplete: 'off', spellcheck: 'false', required: true, 'aria-label': 'The token’s id' });
        const dialog = el('dialog', { class: 'dialog', 'aria-label': 'Revoke a token' }, el('form', { method: 'dialog' }, el('h2', {}, 'Revoke a token'), el('p', {}, 'Its id, the claim “jti”. What is connected with it is closed (4401).'), input,
            el('div', 'buttons', el('button', { type: 'submit', value: 'no', class: 'quiet', formnovalidate: true }, 'Cancel'), el('button', { type: 'submit', value: 'yes', class: 'danger' }, 'Revoke'))));
        document.body.append(dialog);
        dialog.addEventListener('close', async () => {
            dialog.remove();
            if (dialog.returnValue !== 'yes' || !input.value.trim()) return;
            await this.#try(async () => {
                await this.app.api.revoke({ jti: input.value.trim() });
                return 'The token is revoked.';
            });
        });
        dialog.showModal();
    }

    async #try(act) {
        try {
            this.app.say(await act());
        } catch (error) {
            this.app.say(`That did not work: ${shown(error.message)}`);
        }
    }

    keys(event) {
        if (event.key === 'j') this.rows.moveBy(1);
        else if (event.key === 'k') this.rows.moveBy(-1);
        else return false;
        return true;
    }
}
