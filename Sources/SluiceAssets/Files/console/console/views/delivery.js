/** How messages reach this page: the numbers of the delivery, what was skipped on the way, and how often to be sent to. */
import { clock, count, many, shown } from '../model/text.js';
import { copyButton, field, terms } from '../parts/controls.js';
import { el, write } from '../parts/dom.js';
import { icon } from '../parts/icons.js';

const REASONS = { slow_client: 'this page was too slow', overflow: 'more came than its rate lets through', history_evicted: 'no longer kept' };

export class Delivery {
    constructor(page) {
        this.page = page;
        this.numbers = el('div');
        this.lags = el('ol', 'lags');
        this.lagNote = el('p');
        const rate = el('input', { type: 'number', min: '0.1', step: 'any', placeholder: 'as configured' });
        this.answer = el('p', { role: 'status' });
        const form = el('form', { onsubmit: async (event) => {
            event.preventDefault();
            if (!(Number(rate.value) > 0)) return;
            const answer = await page.feed.setRate(Number(rate.value));
            write(this.answer, answer?.type === 'error' ? shown(answer.message ?? answer.code) : 'Set. What does not come in time is read from history.');
        } }, field('Frames a second, at most', rate), el('button', { type: 'submit', class: 'quiet' }, 'Set'), this.answer);
        this.element = el('aside', { class: 'panel delivery', 'aria-label': 'Delivery', hidden: true },
            el('div', 'panel-head', el('h2', {}, 'Delivery'), el('span', 'grow'), el('button', { class: 'quiet icon-only', 'aria-label': 'Close', onclick: () => page.toggleDelivery() }, icon('close'))),
            el('div', 'panel-body', this.numbers, el('button', { class: 'quiet', onclick: () => page.feed.ping() }, 'Measure the round trip'), form, el('h3', {}, 'Skipped on the way'), this.lagNote, this.lags,
                copyButton('Copy the command to follow it', () => `sluice watch ${page.scanId} --url ${location.origin}`)));
    }

    draw() {
        if (this.element.hidden) return;
        const { feed, store } = this.page;
        const { loaded, total } = feed.progress;
        const { transport, rate } = feed.connection;
        this.numbers.replaceChildren(terms([
            ['Newest message (seq)', count(store.head)], ['Epoch', store.epoch ? shown(store.epoch, 40) : '–'], ['Here', `${count(loaded)} of ${count(total)}`],
            ['Frames received', count(feed.frames)], ['By', transport === 'sse' ? 'event stream' : 'WebSocket'], ['Frames a second', Number.isFinite(rate) ? count(rate) : '–'],
            ['Round trip', feed.roundTripMs === null ? '–' : `${feed.roundTripMs} ms`], ['Subscribers', count(feed.state?.subscribers)], ['Messages by the gateway’s count', count(feed.state?.message_count)],
        ]));
        write(this.lagNote, store.lags.length === 0 ? 'Nothing.' : `${many(store.skipped, 'message')} skipped live; what history keeps of them was read since.`);
        this.lags.replaceChildren(...store.lags.slice(0, 30).map(({ skippedMessages, since, reason, at }) =>
            el('li', {}, `${clock(at)}  ${many(skippedMessages, 'message')} after #${shown(since)}: ${REASONS[reason] ?? shown(reason)}`)));
    }
}
