/** A tile for each severity: how many there are, by the gateway's count; pressed ones are what is listed. */
import { countsByRank, LEVELS, WORDS } from '../model/severity.js';
import { count } from '../model/text.js';
import { el, rove, set, write } from '../parts/dom.js';
import { shape } from '../parts/icons.js';

/** The gateway's names of the ranks. */
const SAID = [...LEVELS, 'unrated'];

export class Tiles {
    constructor(page) {
        this.page = page;
        this.buttons = WORDS.map((word, rank) => el('button', { class: `severity-tile ${LEVELS[rank] ?? 'unrated'}`, 'aria-pressed': 'false', onclick: () => this.toggle(rank) }, shape(rank), el('b'), el('span', {}, word)));
        this.element = el('div', { class: 'tiles', role: 'group', 'aria-label': 'Findings by severity' }, ...this.buttons);
        this.settle = rove(this.element);
    }

    toggle(rank) {
        const { ranks } = this.page.filters;
        this.page.filter({ ranks: ranks.includes(rank) ? ranks.filter((other) => other !== rank) : [...ranks, rank].sort() });
    }

    /** Only this one; all again if it was the only one. */
    only(rank) {
        const { ranks } = this.page.filters;
        this.page.filter({ ranks: ranks.length === 1 && ranks[0] === rank ? [] : [rank] });
    }

    draw() {
        const { store, feed, filters } = this.page;
        // Its count of findings knows severities of other names, too.
        const said = feed.facets?.isComplete ? SAID.map((name) => feed.facets.severities?.[name] ?? 0) : countsByRank(feed.state?.severities);
        this.buttons.forEach((button, rank) => {
            // What came since the gateway was asked counts too.
            const number = Math.max(store.ranks[rank], said[rank] ?? 0);
            write(button.children[1], count(number));
            set(button, 'aria-pressed', String(filters.ranks.includes(rank)));
            button.classList.toggle('zero', number === 0);
        });
        this.settle();
    }
}
