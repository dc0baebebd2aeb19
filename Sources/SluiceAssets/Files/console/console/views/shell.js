/** What stands around every page: where one can go, who one is, and the few things that hold for all of it. */
import { duration } from '../model/text.js';
import { el, set, write } from '../parts/dom.js';
import { icon, mark } from '../parts/icons.js';

const THEMES = ['auto', 'light', 'dark'];
const THEME_KEY = 'sluice.theme';

const KEYS = [
    ['/', 'Search'], ['j  k', 'Next and previous row'], ['Enter', 'Open it'], ['Esc', 'Close what is open, or go back'],
    ['1  …  5', 'Only critical … only info; again: all'], ['f', 'Follow the output'], ['g  s', 'Go to the scans'], ['g  c', 'Go to the connections'],
    ['?', 'This list'],
];

export class Shell {
    constructor(app) {
        this.app = app;
        this.links = {
            overview: el('a', { href: '#/', 'aria-label': 'Scans' }, icon('scans'), el('span', {}, 'Scans')),
            connections: el('a', { href: '#/connections', 'aria-label': 'Connections', hidden: true }, icon('plug'), el('span', {}, 'Connections')),
            debugger: el('a', { href: '#/debugger', 'aria-label': 'Debugger' }, icon('terminal'), el('span', {}, 'Debugger')),
        };
        this.bell = el('button', { class: 'quiet icon-only', 'aria-label': 'Notifications', 'aria-pressed': 'false', onclick: async () => this.say(await app.notifier.toggle()) }, icon('bell'));
        this.theme = el('button', { class: 'quiet icon-only', onclick: () => this.#nextTheme() }, icon('theme'));
        this.who = el('span', 'who');
        this.until = el('span', 'until');
        this.out = el('button', { class: 'quiet', onclick: () => app.signOut() }, 'Sign out');
        this.note = el('div', { class: 'toast', role: 'status', hidden: true });
        this.live = el('div', { class: 'hidden', 'aria-live': 'polite', id: 'live' });
        this.content = el('div', { class: 'content' });
        this.header = el('header', 'top',
            el('a', { class: 'brand', href: '#/', 'aria-label': 'Sluice, all scans' }, mark(), el('span', {}, 'Sluice')),
            el('nav', { 'aria-label': 'Pages' }, ...Object.values(this.links)),
            el('div', 'tools', this.bell, this.theme,
                el('button', { class: 'quiet icon-only help', 'aria-label': 'Keyboard', title: 'Keyboard (?)', onclick: () => this.help() }, icon('help')),
                el('div', 'identity', this.who, this.until), this.out));
        this.#setTheme(this.#kept() ?? 'auto');
        app.notifier.onChange = () => this.#showBell();
        this.#showBell();
        document.body.append(el('a', { class: 'skip', href: '#main', onclick: (event) => {
            event.preventDefault();
            document.getElementById('main')?.focus();
        } }, 'Skip to the content'), this.header, this.content, this.note, this.live);
        setInterval(() => this.showIdentity(), 1_000);
    }

    show(page) {
        this.header.hidden = page === 'sign-in';
        for (const [name, link] of Object.entries(this.links)) set(link, 'aria-current', name === page || (name === 'overview' && page === 'scan') ? 'page' : null);
        this.showIdentity();
    }

    showIdentity() {
        const { facts } = this.app.session;
        this.links.connections.hidden = !this.app.isAdmin;
        write(this.who, facts?.subject ?? '');
        const left = facts?.expiresAt ? (facts.expiresAt - Date.now()) / 1000 : null;
        const coarse = left > 120 ? Math.floor(left / 60) * 60 : left;
        write(this.until, left === null ? '' : left > 0 ? `${duration(coarse)} left` : 'expired');
        set(this.until, 'class', left !== null && left < 120 ? 'until soon' : 'until');
        this.out.hidden = !this.app.session.token;
    }

    /** A sentence for a few seconds. */
    say(text) {
        write(this.note, text);
        this.note.hidden = false;
        clearTimeout(this.noteTimer);
        this.noteTimer = setTimeout(() => { this.note.hidden = true; }, Math.max(5_000, 60 * text.length));
    }

    help() {
        const dialog = el('dialog', { class: 'dialog keys', 'aria-label': 'Keyboard' }, el('h2', {}, 'Keyboard'),
            el('dl', {}, ...KEYS.map(([keys, what]) => el('div', {}, el('dt', {}, ...keys.split('  ').map((key) => el('kbd', {}, key))), el('dd', {}, what)))),
            el('form', { method: 'dialog', class: 'buttons' }, el('button', { type: 'submit', class: 'primary' }, 'Close')));
        document.body.append(dialog);
        dialog.addEventListener('close', () => dialog.remove());
        dialog.showModal();
    }

    #showBell() {
        set(this.bell, 'aria-pressed', String(this.app.notifier.isWanted));
        this.bell.title = this.app.notifier.isWanted ? 'Notifications are on' : 'Notify me of critical findings, and of scans that fail, stall or end';
    }

    #nextTheme() {
        this.#setTheme(THEMES[(THEMES.indexOf(this.themeName) + 1) % THEMES.length]);
        this.say(`Colours: ${this.themeName === 'auto' ? 'as the system has them' : this.themeName}.`);
    }

    #setTheme(name) {
        this.themeName = THEMES.includes(name) ? name : 'auto';
        set(document.documentElement, 'data-theme', this.themeName === 'auto' ? null : this.themeName);
        set(this.theme, 'aria-label', `Colours: ${this.themeName}`);
        this.theme.title = `Colours: ${this.themeName}`;
        try {
            localStorage.setItem(THEME_KEY, this.themeName);
        } catch { /* Then it holds for this page. */ }
    }

    #kept() {
        try {
            return localStorage.getItem(THEME_KEY);
        } catch {
            return null;
        }
    }
}
