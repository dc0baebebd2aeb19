/** For those who connect something: raw frames of a socket, actions to send, a message to post, codes explained. */
import { isScanID } from '../model/address.js';
import { CLOSE_CODES, explain } from '../model/codes.js';
import { bytes, clock, shown, shownLines } from '../model/text.js';
import { copyButton, field } from '../parts/controls.js';
import { el, Painter, set, write } from '../parts/dom.js';
import { VirtualList } from '../parts/virtual-list.js';

const FRAME_LIMIT = 2_000;
const ACTIONS = {
    Ping: { action: 'ping', id: 1 }, 'Two frames a second': { action: 'rate', messagesPerSecond: 2, id: 2 }, 'Only some types': { action: 'subscribe', filters: ['portFound'], id: 3 }, 'All types': { action: 'subscribe', filters: [], id: 4 },
};

export class Debugger {
    #frames = [];
    #socket = null;
    #frameCount = 0;

    constructor(app) {
        this.app = app;
        this.painter = new Painter(() => this.#draw());
        this.#buildSocket();
        this.#buildPost();
        const codes = el('table', {}, el('thead', {}, el('tr', {}, ...['Code', 'Meaning', 'What to do'].map((text) => el('th', { scope: 'col' }, text)))),
            el('tbody', {}, ...Object.entries(CLOSE_CODES).map(([code, [name, text]]) => el('tr', { 'data-code': code }, el('th', { scope: 'row' }, code), el('td', {}, name), el('td', {}, text)))));
        this.codes = codes;
        this.element = el('main', { class: 'debugger', id: 'main', tabindex: '-1' }, el('h1', {}, 'Debugger'),
            el('section', { class: 'card', 'aria-label': 'Frames' }, el('h2', {}, 'Frames of a scan'), this.connectForm, this.status, this.rows.element, this.sendForm, this.whole),
            el('section', { class: 'card', 'aria-label': 'Post' }, el('h2', {}, 'Post a message'), this.postForm, this.answer),
            el('section', { class: 'card', 'aria-label': 'Close codes' }, el('h2', {}, 'Close codes'), codes));
    }

    #buildSocket() {
        this.scan = el('input', { required: true, maxlength: '128', autocomplete: 'off', spellcheck: 'false', placeholder: 'demo' });
        this.query = el('input', { autocomplete: 'off', spellcheck: 'false', value: 'since=0&times=true' });
        this.connect = el('button', { type: 'submit', class: 'primary' }, 'Connect');
        this.connectForm = el('form', { class: 'inline', onsubmit: (event) => {
            event.preventDefault();
            if (this.#socket) this.#socket.close(1000);
            else this.#open();
        } }, field('Scan', this.scan), field('Query', this.query), this.connect);
        this.status = el('p', { class: 'status', role: 'status' }, 'Not connected.');
        this.rows = new VirtualList({
            label: 'Frames, the newest last', className: 'frames',
            length: () => this.#frames.length, item: (index) => this.#frames[index], indexOf: (frame) => this.#frames.indexOf(frame),
            rowHeight: () => 24,
            makeRow: () => el('div', {}, ...['c-when', 'c-way', 'c-size', 'c-raw'].map((name) => el('div', { role: 'gridcell', class: name }))),
            fillRow: (row, frame) => {
                const [at, way, size, raw] = row.children;
                write(at, clock(frame.at));
                write(way, frame.way);
                write(size, bytes(frame.size));
                write(raw, shown(frame.text, 600));
            },
            onOpen: (frame) => this.#show(frame), onMove: (frame) => this.#show(frame),
        });
        this.rows.follows = true;
        this.action = el('input', { autocomplete: 'off', spellcheck: 'false', value: JSON.stringify(ACTIONS.Ping) });
        this.sendForm = el('form', { class: 'inline send', onsubmit: (event) => {
            event.preventDefault();
            this.#send(this.action.value);
        } }, field('Send', this.action), el('button', { type: 'submit', class: 'quiet' }, 'Send'),
        el('div', 'chips', ...Object.entries(ACTIONS).map(([name, action]) => el('button', { class: 'chip', onclick: () => { this.action.value = JSON.stringify(action); } }, name))));
        this.whole = el('pre', { class: 'whole', tabindex: '0', 'aria-label': 'The chosen frame', hidden: true });
    }

    #buildPost() {
        this.postScan = el('input', { required: true, maxlength: '128', autocomplete: 'off', spellcheck: 'false', placeholder: 'my-scan' });
        this.body = el('textarea', { rows: '6', spellcheck: 'false' });
        this.body.value = JSON.stringify({ type: 'vulnerabilityFound', severity: 'high', name: 'Test finding', target: 'https://192.0.2.7/' }, null, 2);
        this.answer = el('pre', { tabindex: '0', role: 'status', hidden: true });
        const command = () => `echo "Authorization: Bearer $SLUICE_TOKEN" | curl -X POST ${location.origin}/api/scans/${this.postScan.value || 'my-scan'}/progress \\\n  -H @- -H 'Content-Type: application/json' \\\n  -d '${this.body.value.replaceAll('\'', '\'\\\'\'')}'`;
        this.postForm = el('form', { onsubmit: (event) => {
            event.preventDefault();
            this.#post();
        } }, field('Scan', this.postScan), field('Body: a message, or an array of them', this.body), el('div', 'buttons start', el('button', { type: 'submit', class: 'primary' }, 'Post'), copyButton('Copy as curl', command)),
        el('p', 'hint', 'The token needs the scope “ingest”.'));
    }

    mount(parent) {
        parent.replaceChildren(this.element);
        document.title = 'Debugger · Sluice';
        this.scan.focus();
    }

    update() {}

    unmount() {
        this.#socket?.close(1000);
        this.#socket = null;
        this.painter.end();
        this.rows.end();
    }

    async #open() {
        const scanId = this.scan.value.trim();
        if (!isScanID(scanId)) return write(this.status, 'A scan’s id has 1 to 128 characters of A-Z a-z 0-9 . _ ~ -');
        this.#frames = [];
        this.#frameCount = 0;
        this.rows.follows = true;
        write(this.status, 'Asking for a ticket…');
        const query = new URLSearchParams(this.query.value);
        try {
            if (this.app.session.token) query.set('ticket', (await this.app.api.request('POST', 'api/tickets')).value.ticket);
        } catch (error) {
            return write(this.status, `No ticket: ${shown(error.message)}`);
        }
        const socket = new WebSocket(`${this.app.api.base.replace(/^http/, 'ws')}api/ws/scans/${scanId}?${query}`);
        this.#socket = socket;
        write(this.connect, 'Close');
        socket.onopen = () => write(this.status, 'Open.');
        socket.onmessage = ({ data }) => this.#note('in', typeof data === 'string' ? data : '(binary)', typeof data === 'string' ? data.length : data.size);
        socket.onclose = ({ code, reason }) => {
            if (socket === this.#socket) this.#socket = null;
            write(this.connect, 'Connect');
            const [name, text] = explain(code, reason);
            write(this.status, `${code} ${name}${reason ? ` (${shown(reason, 200)})` : ''}. ${text}`);
            for (const row of this.codes.tBodies[0].rows) set(row, 'class', row.dataset.code === String(code) ? 'current' : null);
        };
    }

    #send(text) {
        if (this.#socket?.readyState !== WebSocket.OPEN) return write(this.status, 'Not connected.');
        this.#socket.send(text);
        this.#note('out', text, text.length);
    }

    #note(way, text, size) {
        this.#frameCount += 1;
        this.#frames.push({ at: Date.now(), way: way === 'in' ? '← in' : '→ out', text, size });
        if (this.#frames.length > FRAME_LIMIT * 1.2) this.#frames = this.#frames.slice(-FRAME_LIMIT);
        this.painter.ask();
    }

    #draw() {
        this.rows.refresh();
        if (this.#socket?.readyState === WebSocket.OPEN) write(this.status, `Open, ${this.#frameCount} frames.`);
    }

    #show(frame) {
        this.whole.hidden = false;
        let text = frame.text;
        try {
            text = JSON.stringify(JSON.parse(text), null, 2);
        } catch { /* Then it is shown as it is. */ }
        write(this.whole, shownLines(text, 100_000));
    }

    async #post() {
        const scanId = this.postScan.value.trim();
        if (!isScanID(scanId)) return this.#answered('A scan’s id has 1 to 128 characters of A-Z a-z 0-9 . _ ~ -');
        try {
            const { status, value } = await this.app.api.request('POST', `api/scans/${scanId}/progress`, { body: this.body.value });
            this.#answered(`${status}\n${JSON.stringify(value, null, 2)}`);
        } catch (error) {
            this.#answered(`${error.status} ${error.code}\n${shownLines(error.message)}`);
        }
    }

    #answered(text) {
        this.answer.hidden = false;
        write(this.answer, text);
    }
}
