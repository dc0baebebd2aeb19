/** Five counts by severity: a bar in their proportion, and the numbers with their letters. */
import { LETTERS, LEVELS, WORDS } from '../model/severity.js';
import { compact, many } from '../model/text.js';
import { el, set, write } from './dom.js';

export function severityBar() {
    const bar = el('span', { class: 'bar', 'aria-hidden': 'true' }, ...LEVELS.map((level) => el('i', level)));
    const numbers = el('span', { class: 'numbers', 'aria-hidden': 'true' }, ...LEVELS.map((level, rank) => el('span', level, el('b', {}, LETTERS[rank]), el('span'))));
    return el('span', { class: 'severities', role: 'img' }, bar, numbers);
}

export function showSeverityBar(element, counts) {
    const total = counts.reduce((sum, number) => sum + number, 0);
    const [bar, numbers] = element.children;
    counts.forEach((number, rank) => {
        // What is few is seen all the same: three pixels at least.
        const part = bar.children[rank];
        part.hidden = number === 0;
        part.style.flexGrow = String(number);
        const label = numbers.children[rank];
        write(label.lastElementChild, number === 0 ? '' : compact(number));
        label.hidden = number === 0;
    });
    element.classList.toggle('none', total === 0);
    set(element, 'aria-label', total === 0 ? 'no findings with a severity'
        : counts.map((number, rank) => number > 0 ? `${number} ${WORDS[rank].toLowerCase()}` : '').filter(Boolean).join(', '));
    element.title = total === 0 ? '' : many(total, 'finding');
}
