/** The top of a scan's page: how it stands, how long it takes, how it reaches us, and what can be done with it. */
import { connectionLine } from '../model/codes.js';
import { count, duration, shown, stopwatch } from '../model/text.js';
import { copyButton, menu, outcomeBadge, showOutcome } from '../parts/controls.js';
import { el, set, write } from '../parts/dom.js';
import { icon } from '../parts/icons.js';

export class ScanHead {
    constructor(page) {
        this.page = page;
        this.title = el('h1');
        this.outcome = outcomeBadge();
        this.id = el('span', 'id');
        this.owner = el('span', 'owner');
        this.elapsed = el('b');
        this.remaining = el('b');
        this.left = el('span', 'fact', el('span', 'label', 'remaining '), this.remaining);
        this.phase = el('span', 'phase');
        this.progress = el('span', { class: 'progress', role: 'progressbar', 'aria-label': 'Progress of the phase', 'aria-valuemin': '0', 'aria-valuemax': '100' }, el('i'));
        this.connection = el('span', { class: 'connection' }, el('i', { 'aria-hidden': 'true' }), el('span'));
        this.retry = el('button', { class: 'link', hidden: true, onclick: () => page.feed.retry() }, 'Retry now');
        this.loading = el('div', { class: 'loading', hidden: true }, el('span', { class: 'progress', 'aria-hidden': 'true' }, el('i')), el('span'));
        this.banner = el('div', { class: 'banner failed', hidden: true }, icon('failed'), el('b', {}, 'This scan failed.'), el('span'));
        this.notice = el('div', { class: 'banner notice', hidden: true }, icon('warning'), el('span'));
        const exporting = menu('Export', 'download', () => page.exportItems());
        this.delivery = el('button', { class: 'quiet', 'aria-expanded': 'false', 'aria-label': 'Delivery', onclick: () => page.toggleDelivery() }, icon('gauge'), el('span', 'wide', 'Delivery'));
        this.element = el('header', 'scan-head',
            el('div', 'line',
                el('a', { class: 'back', href: '#/', 'aria-label': 'All scans' }, icon('left')),
                el('div', 'titles', el('div', 'first', this.title, this.outcome), el('div', 'second', this.id, copyButton('Copy id', () => page.scanId, 'link'), this.owner)),
                el('div', 'facts', el('span', 'fact', el('span', 'label', 'elapsed '), this.elapsed), this.left, el('span', 'fact doing', this.phase, this.progress)),
                el('div', 'actions', el('div', { class: 'link-state', role: 'status' }, this.connection, this.retry), exporting, this.delivery)),
            this.loading, this.banner, this.notice);
    }

    draw(now) {
        const { feed, store, scanId } = this.page;
        const { state } = feed;
        const outcome = this.page.outcome;
        write(this.title, shown(state?.name || scanId, 128));
        document.title = `${outcome === 'running' && Number.isFinite(state?.percent) ? `${Math.floor(state.percent)} % ` : ''}${shown(state?.name || scanId, 80)} · Sluice`;
        showOutcome(this.outcome, outcome);
        write(this.id, scanId);
        write(this.owner, state?.owner ? `owner ${shown(state.owner, 80)}` : '');
        this.#drawTimes(now, outcome);
        this.#drawPhase(outcome);
        this.#drawConnection(now);
        this.#drawLoading();
        const error = outcome === 'failed' ? state?.error ?? store.phases.error ?? 'The scanner gave no reason.' : null;
        this.banner.hidden = error === null;
        write(this.banner.lastElementChild, error === null ? '' : shown(error, 2_000));
    }

    #drawTimes(now, outcome) {
        const { feed, store } = this.page;
        const isRunning = outcome === 'running' || outcome === 'stalled';
        let elapsed = feed.state?.elapsed_time ?? null;
        if (elapsed !== null && isRunning) elapsed += (now - feed.stateAt) / 1000;
        if (elapsed === null && store.phases.startedAt !== null) elapsed = ((store.phases.endedAt ?? store.rows.at(-1)?.at ?? now) - store.phases.startedAt) / 1000;
        write(this.elapsed, elapsed === null ? '–' : isRunning ? stopwatch(elapsed) : duration(elapsed));
        const left = outcome === 'running' ? store.phases.remaining(now) : null;
        this.left.hidden = left === null;
        write(this.remaining, left === null ? '' : `~ ${duration(left)}`);
    }

    #drawPhase(outcome) {
        const { feed, store } = this.page;
        const isRunning = outcome === 'running' || outcome === 'stalled';
        this.phase.parentElement.hidden = !isRunning;
        if (!isRunning) return;
        const percent = store.phases.current ? store.phases.current.percent : feed.state?.percent ?? null;
        const name = store.phases.current?.name ?? (feed.state?.phase ? shown(feed.state.phase, 80) : 'running');
        write(this.phase, percent === null ? name : `${name} ${Math.floor(percent)} %`);
        set(this.progress, 'class', `progress${percent === null ? outcome === 'stalled' ? ' still' : ' busy' : ''}`);
        set(this.progress, 'aria-valuenow', percent === null ? null : String(Math.floor(percent)));
        this.progress.firstElementChild.style.width = percent === null ? '' : `${percent}%`;
    }

    #drawConnection(now) {
        const { feed } = this.page;
        const line = connectionLine(feed.connection, now);
        const isWaiting = feed.connection.state === 'open' && feed.isFound === true && feed.state === null;
        const isOver = this.page.outcome === 'completed' || this.page.outcome === 'failed';
        write(this.connection.lastElementChild, isWaiting ? 'History · not running now' : isOver && line.text === 'Live' ? 'Connected' : line.text);
        set(this.connection, 'class', `connection ${isOver && line.mood === 'good' ? 'calm' : line.mood}`);
        this.retry.hidden = !line.canRetry;
    }

    #drawLoading() {
        const { feed, store } = this.page;
        const { loaded, total, isComplete } = feed.progress;
        const missing = total - loaded;
        // A page is on its way all the time while much comes: only what takes a while is worth a line.
        this.loading.hidden = isComplete || missing < 200;
        if (!this.loading.hidden) {
            write(this.loading.lastElementChild, `Loading ${count(loaded)} of ${count(total)} messages`);
            this.loading.querySelector('i').style.width = `${loaded / total * 100}%`;
        }
        const texts = [];
        if (feed.refusal) texts.push(feed.refusal.status === 403 ? 'You are not allowed to read this scan. A token whose “scans” name it, or its owner’s, is.' : feed.refusal.message);
        if (store.droppedCount > 0) texts.push(`This page holds ${count(store.rows.length)} messages; ${count(store.droppedCount)} older ones, lines of output first, were left out.`);
        // Some may be on their way here just now.
        if (feed.state && isComplete && this.page.isPartial) texts.push(`The gateway has ${count(store.rows.length)} of this scan’s ${count(feed.state.message_count)} messages; the others are superseded, or no longer kept (relay.history, storage.retention).`);
        this.notice.hidden = texts.length === 0;
        write(this.notice.lastElementChild, texts.join(' '));
    }

    showDelivery(isOpen) {
        set(this.delivery, 'aria-expanded', String(isOpen));
    }
}
