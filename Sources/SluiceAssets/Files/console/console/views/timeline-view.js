/** The timeline: phases, and under them findings by time, stacked by severity. Drawing over it filters by time. */
import { LEVELS, WORDS } from '../model/severity.js';
import { clock, count, duration, many, minute } from '../model/text.js';
import { snapped } from '../model/timeline.js';
import { el, Keyed, set, svg, write } from '../parts/dom.js';

const [BAR_LIMIT, HEIGHT] = [160, 56];
const narrow = matchMedia('(max-width: 720px)');

export class TimelineView {
    #chart = null;
    #drag = null;
    #cursor = null;

    constructor(page) {
        this.page = page;
        this.phases = el('div', { class: 'phases', role: 'list', 'aria-label': 'Phases' });
        this.phaseItems = new Keyed(this.phases, (key) => el('div', { role: 'listitem', class: 'phase', 'data-key': key }, el('span')));
        this.silences = svg('path', { class: 'silence', d: '' });
        this.gaps = svg('path', { class: 'gap', d: '' });
        this.paths = [...LEVELS, 'unrated'].map((level) => svg('path', { class: level, d: '' }));
        this.brush = svg('rect', { class: 'brush', y: 0, height: HEIGHT, x: 0, width: 0 });
        this.line = svg('line', { class: 'cursor', y1: 0, y2: HEIGHT, x1: -1, x2: -1 });
        this.drawing = svg('svg', { viewBox: `0 0 1000 ${HEIGHT}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' }, this.silences, ...this.paths, this.gaps, this.brush, this.line);
        this.tip = el('div', { class: 'tip', hidden: true });
        this.axis = el('div', { class: 'axis', 'aria-hidden': 'true' });
        this.ticks = new Keyed(this.axis, () => el('span'));
        this.plot = el('div', { class: 'plot', tabindex: '0', role: 'slider', 'aria-label': 'Findings over time', 'aria-orientation': 'horizontal', 'aria-valuemin': '0' }, this.drawing, this.tip);
        this.clear = el('button', { class: 'link', hidden: true, onclick: () => page.filter({ from: null, to: null }) }, 'All times');
        this.caption = el('span', 'caption');
        this.element = el('section', { class: 'timeline', 'aria-label': 'Timeline' }, el('div', 'timeline-head', this.caption, this.clear), this.phases, this.plot, this.axis);
        this.#listen();
    }

    #listen() {
        const share = (event) => {
            const box = this.plot.getBoundingClientRect();
            return box.width > 0 ? (event.clientX - box.left) / box.width : 0;
        };
        this.plot.addEventListener('pointerdown', (event) => {
            if (event.button !== 0 || !this.#chart) return;
            this.plot.setPointerCapture(event.pointerId);
            this.#drag = { from: share(event), to: share(event), x: event.clientX };
        });
        this.plot.addEventListener('pointermove', (event) => {
            if (!this.#chart) return;
            if (this.#drag) {
                this.#drag.to = share(event);
                this.#drawBrush();
            }
            this.#showTip(share(event));
        });
        this.plot.addEventListener('pointerup', (event) => {
            const drag = this.#drag;
            this.#drag = null;
            if (!drag || !this.#chart) return;
            const isClick = Math.abs(event.clientX - drag.x) < 3;
            const [from, to] = snapped(this.#chart, drag.from, isClick ? drag.from : drag.to);
            const { filters } = this.page;
            if (isClick && filters.from === from && filters.to === to) this.page.filter({ from: null, to: null });
            else this.page.filter({ from, to });
        });
        this.plot.addEventListener('pointercancel', () => { this.#drag = null; });
        this.plot.addEventListener('pointerleave', () => { this.tip.hidden = true; });
        this.plot.addEventListener('blur', () => {
            this.#cursor = null;
            this.tip.hidden = true;
            this.#drawBrush();
        });
        this.plot.addEventListener('keydown', (event) => this.#pressed(event));
    }

    /** Arrows choose a bar, with Shift more of them; Enter filters by it, Escape by none. */
    #pressed(event) {
        if (!this.#chart) return;
        const { bars, from, stepMs } = this.#chart;
        const last = bars.length - 1;
        const moves = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
        if (event.key in moves) {
            const start = this.#cursor?.to ?? last + 1;
            const to = Math.min(Math.max(start + moves[event.key], 0), last);
            this.#cursor = { from: event.shiftKey && this.#cursor ? this.#cursor.from : to, to };
            this.#showTip((to + 0.5) / bars.length);
            set(this.plot, 'aria-valuenow', String(to));
            set(this.plot, 'aria-valuetext', this.#words(bars[to]));
            this.#drawBrush();
        } else if (event.key === 'Enter' && this.#cursor) {
            const [low, high] = [Math.min(this.#cursor.from, this.#cursor.to), Math.max(this.#cursor.from, this.#cursor.to)];
            this.page.filter({ from: from + low * stepMs, to: from + (high + 1) * stepMs });
        } else if (event.key === 'Escape' && this.page.filters.from !== null) {
            this.page.filter({ from: null, to: null });
        } else {
            return;
        }
        event.preventDefault();
        event.stopPropagation();
    }

    draw(now) {
        const { timeline, store, feed, outcome } = this.page;
        const isRunning = outcome === 'running' || outcome === 'stalled';
        const from = Math.min(timeline.first ?? Infinity, feed.state?.started_at ?? Infinity, store.phases.startedAt ?? Infinity);
        this.element.hidden = !Number.isFinite(from);
        if (this.element.hidden) return;
        const last = Math.max(timeline.last ?? from, feed.state?.last_message_at ?? from);
        const to = isRunning ? Math.max(now, last) : last + 1;
        this.#chart = timeline.bars(from, to, narrow.matches ? BAR_LIMIT / 3 : BAR_LIMIT);
        this.#drawBars();
        this.#drawPhases(to);
        this.#drawSilences(isRunning ? to : null);
        this.#drawGaps();
        this.#drawAxis();
        this.#drawBrush();
        const step = { 1000: 'second', 60_000: 'minute', 3_600_000: 'hour', 86_400_000: 'day' }[this.#chart.stepMs] ?? duration(this.#chart.stepMs / 1000);
        const { filters } = this.page;
        write(this.caption, filters.from === null ? `Findings per ${step}` : `${clock(filters.from)} – ${clock(filters.to)}`);
        this.clear.hidden = filters.from === null;
    }

    #drawBars() {
        const { bars, highest } = this.#chart;
        set(this.plot, 'aria-valuemax', String(bars.length - 1));
        set(this.plot, 'aria-valuenow', String(Math.min(this.#cursor?.to ?? bars.length - 1, bars.length - 1)));
        if (!this.#cursor) set(this.plot, 'aria-valuetext', `${many(bars.reduce((sum, bar) => sum + bar.total, 0), 'finding')} in ${duration((this.#chart.to - this.#chart.from) / 1000)}`);
        const width = 1000 / bars.length;
        const gap = Math.min(width * 0.2, 2);
        const texts = this.paths.map(() => []);
        bars.forEach((bar, index) => {
            if (bar.total === 0) return;
            const full = Math.max(3, bar.total / highest * (HEIGHT - 4));
            let y = HEIGHT;
            // The worst at the bottom, where heights are easiest compared.
            bar.counts.forEach((number, rank) => {
                if (number === 0) return;
                const height = full * number / bar.total;
                y -= height;
                texts[rank].push(`M${(index * width).toFixed(2)} ${y.toFixed(2)}h${(width - gap).toFixed(2)}v${height.toFixed(2)}h-${(width - gap).toFixed(2)}z`);
            });
        });
        this.paths.forEach((path, rank) => set(path, 'd', texts[rank].join('')));
    }

    #share(at) {
        const { from, to } = this.#chart;
        return Math.min(Math.max((at - from) / (to - from), 0), 1);
    }

    #drawPhases(until) {
        const list = this.page.store.phases.list.filter((phase) => phase.startedAt !== null);
        this.phases.hidden = list.length === 0;
        this.phaseItems.show(list.map((phase) => phase.name), (item, name, index) => {
            const phase = list[index];
            const [left, right] = [this.#share(phase.startedAt), this.#share(phase.endedAt ?? until)];
            item.style.left = `${left * 100}%`;
            item.style.width = `${Math.max(right - left, 0.002) * 100}%`;
            const percent = phase.endedAt === null && phase.percent !== null ? ` ${Math.floor(phase.percent)} %` : '';
            write(item.firstElementChild, name + percent);
            item.title = `${name}${percent}, ${duration(((phase.endedAt ?? until) - phase.startedAt) / 1000)}`;
            set(item, 'class', `phase${phase.endedAt === null ? ' current' : ''}${phase.endedAt === null && phase.percent === null ? ' busy' : ''}`);
        });
    }

    #drawSilences(until) {
        const { from, to } = this.#chart;
        const silences = [...this.page.timeline.silences(until), ...this.page.store.stalls.map((stall) => [stall.from, stall.to ?? until ?? stall.from])];
        set(this.silences, 'd', silences.filter(([start, end]) => end > start && end > from && start < to).map(([start, end]) => {
            const [x, width] = [this.#share(start) * 1000, (this.#share(end) - this.#share(start)) * 1000];
            return `M${x.toFixed(1)} 0h${width.toFixed(1)}v${HEIGHT}h-${width.toFixed(1)}z`;
        }).join(''));
    }

    /** Where live messages were skipped; what history keeps of them was read since. */
    #drawGaps() {
        const { from, to } = this.#chart;
        const times = this.page.store.lags.map((lag) => lag.at).filter((at) => at >= from && at < to);
        set(this.gaps, 'd', times.map((at) => `M${(this.#share(at) * 1000).toFixed(1)} 0v6`).join(''));
    }

    #drawAxis() {
        const { from, to } = this.#chart;
        const number = narrow.matches ? 3 : 6;
        this.ticks.show(Array.from({ length: number }, (_, index) => index), (tick, index) => {
            const at = from + (to - from) * index / (number - 1);
            write(tick, to - from < 600_000 ? clock(at) : minute(at));
            tick.style.left = `${index / (number - 1) * 100}%`;
        });
    }

    #drawBrush() {
        if (!this.#chart) return;
        const { filters } = this.page;
        let range = filters.from === null ? null : [this.#share(filters.from), this.#share(filters.to)];
        if (this.#cursor) range = [Math.min(this.#cursor.from, this.#cursor.to) / this.#chart.bars.length, (Math.max(this.#cursor.from, this.#cursor.to) + 1) / this.#chart.bars.length];
        if (this.#drag) range = [Math.min(this.#drag.from, this.#drag.to), Math.max(this.#drag.from, this.#drag.to)];
        set(this.brush, 'x', String((range?.[0] ?? 0) * 1000));
        set(this.brush, 'width', String(range ? Math.max(0, (range[1] - range[0]) * 1000) : 0));
    }

    #words(bar) {
        const parts = bar.counts.map((number, rank) => number > 0 ? `${count(number)} ${WORDS[rank].toLowerCase()}` : '').filter(Boolean);
        return `${clock(bar.at)}: ${parts.join(', ') || 'nothing found'}`;
    }

    #showTip(share) {
        const { bars } = this.#chart;
        const bar = bars[Math.min(Math.floor(share * bars.length), bars.length - 1)];
        if (!bar) return;
        this.tip.hidden = false;
        write(this.tip, this.#words(bar));
        this.tip.style.left = `${Math.min(Math.max(share, 0.1), 0.9) * 100}%`;
    }
}
