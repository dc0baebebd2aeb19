/** Signing in: what this is, a token or a ticket, and why one was refused. The token is kept for the tab. */
import { readCredential, whyNotTraded, whyRefused } from '../model/session.js';
import { field } from '../parts/controls.js';
import { el, write } from '../parts/dom.js';
import { icon, mark } from '../parts/icons.js';

/** The form. What a person entered signs in at once if it is a token, and if it is a ticket once the gateway has traded it. */
export function tokenForm(action, app) {
    const input = el('input', { type: 'password', autocomplete: 'off', spellcheck: 'false', placeholder: 'eyJhbGciOi… or signin_…', required: true });
    const keep = el('input', { type: 'checkbox', checked: true });
    const note = el('p', { class: 'form-note', role: 'alert' });
    const button = el('button', { class: 'primary', type: 'submit' }, action);
    const say = (text, isCalm = false) => {
        note.classList.toggle('calm', isCalm);
        write(note, text);
    };
    const form = el('form', { class: 'token-form', onsubmit: async (event) => {
        event.preventDefault();
        const { token, ticket, fault } = readCredential(input.value);
        if (fault) return say(fault);
        if (token !== undefined) {
            input.value = '';
            say('');
            return app.signIn(token, keep.checked);
        }
        say('Signing in…', true);
        button.disabled = true;
        const refusal = await app.trade(ticket, keep.checked);
        button.disabled = false;
        // What may still be taken stands there for another try.
        if (!refusal?.isPassing) input.value = '';
        say(refusal ? whyNotTraded(refusal) : '');
    } }, field('Token or ticket', input), el('label', { class: 'check' }, keep, 'Stay signed in until this tab is closed'), note, button);
    return { form, input, say };
}

/** The page of those who are not signed in. */
export class SignIn {
    constructor(app) {
        this.app = app;
        this.entry = tokenForm('Sign in', app);
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
                    el('p', {}, 'It is kept in this tab only and sent to this gateway only. “sluice init” and “sluice demo” print a link with one. An application may bring you here by a link with a ticket, which signs in once.'))));
    }

    mount(parent) {
        parent.replaceChildren(this.element);
        document.title = 'Sign in · Sluice';
        if (this.app.isTrading) this.entry.say('Signing in…', true);
        else this.entry.say(this.app.whyNot ?? (this.app.session.token ? whyRefused(this.app.session.token, Date.now()) : ''));
        this.entry.input.focus();
    }

    unmount() {}
}

/** Over the page, which keeps what it shows: the token ends or has ended. */
export class RenewalDialog {
    #isShown = false;

    constructor(app) {
        this.text = el('p');
        this.entry = tokenForm('Go on', app);
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
