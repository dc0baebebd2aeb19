/**
 * The console: who is looking, where they are, and the page that stands there. What messages say reaches a page as text
 * only, and rows are drawn once a frame of the screen, however fast they come.
 */
import { readAddress, writeAddress } from './model/address.js';
import { NO_TICKET, readCredential, Session, whyNotTraded, whyRefused } from './model/session.js';
import { Api, Refusal } from './net/api.js';
import { ScanWatch } from './net/scan-watch.js';
import { Announcer } from './parts/announcer.js';
import { Notifier } from './parts/notifier.js';
import { Connections } from './views/connections.js';
import { Debugger } from './views/debugger.js';
import { Overview } from './views/overview.js';
import { ScanPage } from './views/scan.js';
import { Shell } from './views/shell.js';
import { RenewalDialog, SignIn } from './views/sign-in.js';

const PAGES = { overview: Overview, scan: ScanPage, connections: Connections, debugger: Debugger };

class App {
    #page = null;
    #pageKey = null;
    #chord = null;

    constructor() {
        /** Whether a ticket out of the address is being traded, and why the last one was not. */
        [this.isTrading, this.whyNot] = [false, null];
        this.session = new Session(() => sessionStorage);
        this.api = new Api(new URL(document.querySelector('meta[name=sluice-root]')?.content ?? '.', document.baseURI).href, this.session);
        this.api.onUnauthorized = () => this.#unauthorized();
        this.notifier = new Notifier(() => localStorage);
        this.notifier.onOpen = (scanId) => this.go({ page: 'scan', scanId }, true);
        this.scans = new ScanWatch(this.api, (event) => this.notifier.tell(event), () => this.notifier.isWanted);
        this.shell = new Shell(this);
        this.announcer = new Announcer(this.shell.live);
        this.renewal = new RenewalDialog(this);
        addEventListener('popstate', () => this.#route());
        addEventListener('hashchange', () => this.#route());
        addEventListener('keydown', (event) => this.#pressed(event));
    }

    get isAdmin() {
        // For show only: the gateway decides, and may read roles from another claim.
        return this.session.facts === null ? this.session.token === null : this.session.facts.roles.length > 0;
    }

    start() {
        const { token, ticket } = this.#takeLink();
        if (token !== null) this.session.set(token.trim());
        else if (ticket !== null) return this.#follow(ticket);
        this.scans.start();
        this.#route();
    }

    /** A token or ticket in the address is taken and removed at once: addresses are copied, logged and remembered. */
    #takeLink() {
        const place = readAddress(location.hash);
        if (!place.isPlain) history.replaceState(null, '', writeAddress(place));
        return place;
    }

    /** Who comes by a ticket sees nothing of who was here before until the gateway has said whose it is. */
    async #follow(text) {
        const { ticket, fault } = readCredential(text);
        const before = this.session.token;
        const isStranger = before === null || this.isSignedOut;
        [this.isTrading, this.whyNot, this.isSignedOut] = [ticket !== undefined, null, true];
        this.scans.stop();
        this.#route();
        const refusal = ticket === undefined ? null : await this.trade(ticket);
        this.isTrading = false;
        if (this.isSignedOut && this.session.token === before) this.#notTraded(refusal ? whyNotTraded(refusal) : fault ?? NO_TICKET, isStranger);
    }

    /** Who was signed in stays so, and is told. */
    #notTraded(why, isStranger) {
        if (isStranger) {
            this.whyNot = why;
            return this.#page.entry.say(why);
        }
        this.isSignedOut = false;
        this.scans.start();
        this.#route();
        this.say(`${why} You are signed in as before.`);
    }

    #route() {
        const { token, ticket } = this.#takeLink();
        if (token !== null) return this.signIn(token.trim());
        if (ticket !== null) return this.#follow(ticket);
        const place = readAddress(location.hash);
        const key = `${place.page} ${place.scanId ?? ''}`;
        if (this.isSignedOut) return this.#show('sign-in', 'sign-in', new SignIn(this), place);
        if (key === this.#pageKey) return this.#page.update(place);
        this.#show(place.page, key, new PAGES[place.page](this, place.scanId), place);
    }

    #show(name, key, page, place) {
        this.#page?.unmount();
        [this.#page, this.#pageKey] = [page, key];
        this.shell.show(name);
        page.mount(this.shell.content, place);
    }

    /** Goes to a place; `isStep` says that Back leads here again. */
    go(place, isStep = place.page === 'scan' && `scan ${place.scanId}` !== this.#pageKey) {
        const address = writeAddress(place);
        if (address === (location.hash || '#/')) return;
        history[isStep ? 'pushState' : 'replaceState'](null, '', address);
        this.#route();
    }

    /** Trades a ticket for its token, and signs in with it; the refusal, if the gateway does not take it. */
    async trade(ticket, isKept = true) {
        try {
            const token = await this.api.redeem(ticket);
            this.signIn(token, isKept);
            return null;
        } catch (error) {
            if (!(error instanceof Refusal)) throw error;
            return error;
        }
    }

    signIn(token, isKept = true) {
        this.session.set(token, isKept);
        [this.isSignedOut, this.isTrading, this.whyNot] = [false, false, null];
        this.renewal.hide();
        this.scans.start();
        if (this.#page?.renewed) this.#page.renewed();
        this.shell.showIdentity();
        this.#route();
    }

    signOut() {
        this.session.set(null);
        this.isSignedOut = true;
        this.scans.stop();
        this.#route();
    }

    /** A question was refused for the token: a page that shows something keeps it, and asks; else signing in comes first. */
    #unauthorized() {
        const page = this.#page;
        if (page instanceof ScanPage && page.store.rows.length > 0) return this.tokenEnds('ended');
        this.isSignedOut = true;
        if (this.#pageKey !== 'sign-in') this.#route();
    }

    tokenEnds(what) {
        const isOver = what === 'ended';
        this.renewal.show(isOver ? `${whyRefused(this.session.token, Date.now())} What is shown stays.` : 'Your token ends within a minute. With a new one this goes on without a break.', isOver);
    }

    say(text) {
        this.shell.say(text);
    }

    #pressed(event) {
        if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey || document.querySelector('dialog:modal')) return;
        const field = event.target.closest?.('input,textarea,select');
        if (field) {
            if (event.key === 'Escape' && field.type === 'search') {
                this.#page.views?.[this.#page.tab]?.element.focus();
                this.#page.rows?.element?.focus();
            }
            return;
        }
        if (this.#global(event.key) || this.#page?.keys?.(event)) event.preventDefault();
    }

    #global(key) {
        const chord = this.#chord;
        this.#chord = key === 'g' ? Date.now() : null;
        if (chord !== null && Date.now() - chord < 1_500) {
            if (key === 's') return this.go({ page: 'overview' }, true), true;
            if (key === 'c') return this.go({ page: 'connections' }, true), true;
        }
        if (key === '?') return this.shell.help(), true;
        if (key === '/' && this.#page.search) return this.#page.search.focus(), this.#page.search.select(), true;
        return key === 'g';
    }
}

new App().start();
