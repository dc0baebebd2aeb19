/** Signing in: what this is, a token, and why one was refused. The token is kept for the tab. */
import { tokenFacts, whyRefused } from '../model/session.js';
import { field } from '../parts/controls.js';
import { el, write } from '../parts/dom.js';
import { icon, mark } from '../parts/icons.js';

const TICKET = /^[A-Za-z0-9_-]{20,}$/;
const NO_TICKET = 'That looks like a ticket. A ticket opens one connection and is then used up; the console asks many questions, so give it the token that the ticket was made with.';

/** The form: `onToken(token, isKept)` is called with what a person entered. */
export function tokenForm(action, onToken) {
    const input = el('input', { type: 'password', autocomplete: 'off', spellcheck: 'false', placeholder: 'eyJhbGciOi…', required: true });
    const keep = el('input', { type: 'checkbox', checked: true });
    const note = el('p', { class: 'form-note', role: 'alert' });
    const form = el('form', { class: 'token-form', onsubmit: (event) => {
        event.preventDefault();
        const token = input.value.trim().replace(/^Bearer\s+/i, '');
        if (TICKET.test(token) && !tokenFacts(token)) {
            return write(note, NO_TICKET);
        }
        if (/[^\w.~+/=-]/.test(token)) return write(note, 'A token has no spaces or other such characters. Was something else copied?');
        input.value = '';
        write(note, '');
        onToken(token, keep.checked);
    } }, field('Token', input), el('label', { class: 'check' }, keep, 'Stay signed in until this tab is closed'), note, el('button', { class: 'primary', type: 'submit' }, action));
    return { form, input, say: (text) => write(note, text) };
}

/** The page of those who are not signed in. */
export class SignIn {
    constructor(app) {
        this.app = app;
        this.entry = tokenForm('Sign in', (token, isKept) => app.signIn(token, isKept));
        this.element = el('main', { class: 'sign-in', id: 'main', tabindex: '-1' },
            el('div', 'card',
                el('h1', {}, mark(), 'Sluice'),
                el('p', 'lead', 'Watch security scans as they run: what they find, how bad it is, and whether they are well.'),
                // Buttons of identity providers stand here, where the gateway names one.
                el('div', { class: 'providers', hidden: true }),
                this.entry.form,
                el('details', {}, el('summary', {}, icon('help'), 'Where do I get a token?'),
                    el('p', {}, 'From whoever runs this gateway, or by its own command:'),
                    el('pre', { tabindex: '0' }, 'sluice token --config config.yaml --sub you --scans \'*\'\nsluice token --config config.yaml --sub you --role admin'),
                    el('p', {}, 'It is kept in this tab only and sent to this gateway only. “sluice init” and “sluice demo” print a link with one.'))));
    }

    mount(parent) {
        parent.replaceChildren(this.element);
        document.title = 'Sign in · Sluice';
        this.entry.say(this.app.hasTicket ? NO_TICKET : this.app.session.token ? whyRefused(this.app.session.token, Date.now()) : '');
        this.entry.input.focus();
    }

    unmount() {}
}

/** Over the page, which keeps what it shows: the token ends or has ended. */
export class RenewalDialog {
    #isShown = false;

    constructor(app) {
        this.text = el('p');
        this.entry = tokenForm('Go on', (token, isKept) => {
            this.hide();
            app.signIn(token, isKept);
        });
        this.dialog = el('dialog', { class: 'dialog', 'aria-label': 'Sign in again' }, el('h2', {}, 'Sign in again'), this.text, this.entry.form,
            el('div', { class: 'buttons' }, el('button', { class: 'quiet', onclick: () => this.hide() }, 'Not now')));
        document.body.append(this.dialog);
        this.dialog.addEventListener('close', () => { this.#isShown = this.dialog.open; });
    }

    /** Where the token has not ended yet it stands aside, and nobody is interrupted. */
    show(why, isUrgent) {
        write(this.text, why);
        if (this.#isShown && (!isUrgent || this.dialog.matches(':modal'))) return;
        this.dialog.close();
        const focused = document.activeElement;
        if (isUrgent) {
            this.dialog.showModal();
        } else {
            this.dialog.show();
            focused?.focus({ preventScroll: true });
        }
        this.#isShown = true;
    }

    hide() {
        this.dialog.close();
    }
}
