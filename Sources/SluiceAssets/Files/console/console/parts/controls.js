/** Small controls that several views have: copying, menus, badges of state and severity, lists of terms. */
import { WORDS } from '../model/severity.js';
import { el, set, setClass, write } from './dom.js';
import { icon, setIcon, setShape, shape } from './icons.js';

const COPIED_MS = 1_600;

/** A button that copies a text and says that it did. */
export function copyButton(label, text, className = 'quiet') {
    const words = el('span', {}, label);
    const button = el('button', { class: className, onclick: () => copy(text(), (said) => {
        write(words, said);
        setTimeout(() => write(words, label), COPIED_MS);
    }) }, icon('copy'), words);
    return button;
}

async function copy(text, tell) {
    try {
        await navigator.clipboard.writeText(text);
        tell('Copied');
    } catch {
        tell('Not allowed here');
    }
}

/** A button with a list of choices under it; Esc and a click elsewhere close it. */
export function menu(label, iconName, items) {
    const list = el('div', { class: 'menu-list', role: 'menu', hidden: true });
    const button = el('button', { class: 'quiet', 'aria-haspopup': 'menu', 'aria-expanded': 'false' }, icon(iconName), el('span', { class: 'wide' }, label), icon('down', 'icon small'));
    set(button, 'aria-label', label);
    const box = el('div', { class: 'menu' }, button, list);
    const show = (isOpen) => {
        list.hidden = !isOpen;
        set(button, 'aria-expanded', String(isOpen));
        if (!isOpen) return;
        list.replaceChildren(...items().map(({ label: text, note, run, isDisabled }) =>
            el('button', { role: 'menuitem', disabled: isDisabled, onclick: () => (show(false), button.focus(), run()) }, el('span', {}, text), note ? el('small', {}, note) : null)));
        list.querySelector('button:not([disabled])')?.focus();
    };
    button.addEventListener('click', () => show(list.hidden));
    box.addEventListener('focusout', (event) => !box.contains(event.relatedTarget) && show(false));
    box.addEventListener('keydown', (event) => {
        const choices = [...list.querySelectorAll('button')];
        const index = choices.indexOf(document.activeElement);
        if (event.key === 'Escape' && !list.hidden) {
            show(false);
            button.focus();
        } else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
            choices.at((index + (event.key === 'ArrowDown' ? 1 : -1)) % choices.length)?.focus();
        } else {
            return;
        }
        event.preventDefault();
        event.stopPropagation();
    });
    return box;
}

const OUTCOMES = { running: 'Running', stalled: 'Stalled', failed: 'Failed', completed: 'Completed' };

/** How a scan stands: an icon and a word. */
export function outcomeBadge() {
    return el('span', { class: 'outcome' }, icon('running'), el('span'));
}

export function showOutcome(badge, outcome) {
    const known = outcome in OUTCOMES ? outcome : null;
    setClass(badge, `outcome ${known ?? ''}`);
    badge.hidden = known === null;
    if (known === null) return;
    setIcon(badge.firstElementChild, known);
    write(badge.lastElementChild, OUTCOMES[known]);
}

/** A severity: a shape, a word and a colour. */
export function severityBadge() {
    return el('span', { class: 'severity' }, shape(5), el('span'));
}

export function showSeverity(badge, rank) {
    setShape(badge.firstElementChild, rank);
    setClass(badge, `severity ${['critical', 'high', 'medium', 'low', 'info'][rank] ?? 'unrated'}`);
    write(badge.lastElementChild, rank < 5 ? WORDS[rank] : '');
    set(badge, 'aria-label', WORDS[rank]);
}

/** Terms with what they come to: `[['Epoch', 'k3v9'], …]`. */
export function terms(pairs, className = 'terms') {
    return el('dl', className, ...pairs.map(([term, value]) => el('div', {}, el('dt', {}, term), value instanceof Node ? el('dd', {}, value) : el('dd', {}, value))));
}

/** A field with its label, which may be for screen readers alone. */
export function field(label, input, isHidden = false) {
    const id = `field-${Math.random().toString(36).slice(2, 9)}`;
    input.id = id;
    return el('div', { class: 'field' }, el('label', { for: id, class: isHidden ? 'hidden' : '' }, label), input);
}

/** A search field: its changes are told when typing pauses. */
export function searchField(label, placeholder, onSearch, pauseMs = 200) {
    let timer;
    const input = el('input', { type: 'search', placeholder, autocomplete: 'off', spellcheck: 'false', maxlength: '200', 'aria-keyshortcuts': '/', oninput: () => {
        clearTimeout(timer);
        timer = setTimeout(() => onSearch(input.value), pauseMs);
    } });
    set(input, 'aria-label', label);
    const box = el('div', { class: 'search' }, icon('search'), input, el('kbd', { 'aria-hidden': 'true' }, '/'));
    return { box, input };
}

/** Asks before something that cannot be taken back; resolves with whether it was wanted. */
export function confirmed(title, text, action) {
    const dialog = el('dialog', { class: 'dialog', 'aria-label': title },
        el('form', { method: 'dialog' }, el('h2', {}, title), el('p', {}, text),
            el('div', { class: 'buttons' }, el('button', { type: 'submit', value: 'no', class: 'quiet' }, 'Cancel'), el('button', { type: 'submit', value: 'yes', class: 'danger' }, action))));
    document.body.append(dialog);
    dialog.showModal();
    return new Promise((resolve) => {
        dialog.addEventListener('close', () => {
            dialog.remove();
            resolve(dialog.returnValue === 'yes');
        });
    });
}

/** Gives a file to the person. */
export function save(name, mediaType, parts) {
    const address = URL.createObjectURL(new Blob(parts, { type: mediaType }));
    const link = el('a', { href: address, download: name });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
