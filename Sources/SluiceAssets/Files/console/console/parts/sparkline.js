/** A line of the last values, as high as its highest, with the newest in words beside it. */
import { compact } from '../model/text.js';
import { el, set, svg, write } from './dom.js';

const [WIDTH, HEIGHT] = [64, 18];

export function sparkline() {
    const path = svg('polyline', { class: 'line', points: '' });
    const area = svg('polygon', { class: 'area', points: '' });
    return el('span', { class: 'spark' }, svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, height: HEIGHT, 'aria-hidden': 'true' }, area, path), el('span', 'rate'));
}

export function showSparkline(spark, values, length, isQuiet) {
    const [drawing, label] = spark.children;
    const highest = Math.max(1, ...values);
    const step = WIDTH / (length - 1);
    const start = WIDTH - (values.length - 1) * step;
    const points = values.map((value, index) => `${(start + index * step).toFixed(1)},${(HEIGHT - 1.5 - value / highest * (HEIGHT - 3)).toFixed(1)}`).join(' ');
    const isDrawn = values.length > 1 && !isQuiet;
    set(drawing.lastElementChild, 'points', isDrawn ? points : '');
    set(drawing.firstElementChild, 'points', isDrawn ? `${start.toFixed(1)},${HEIGHT} ${points} ${WIDTH},${HEIGHT}` : '');
    const recent = values.slice(-3);
    write(label, recent.length === 0 || isQuiet ? '' : `${compact(recent.reduce((sum, value) => sum + value, 0) / recent.length)}/s`);
}
