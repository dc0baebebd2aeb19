/** Drawings of 16 by 16, in the colour of the text that they stand beside; the words are always there too. */
import { svg } from './dom.js';
import { LEVELS } from '../model/severity.js';

const PATHS = {
    running: 'M8 1.5a6.5 6.5 0 1 1-6.5 6.5M8 5v3l2 1.5',
    stalled: 'M4 2h8M4 14h8M5 2v2.5L8 8l3-3.5V2M5 14v-2.5L8 8l3 3.5V14',
    failed: 'M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM5.7 5.7l4.6 4.6M10.3 5.7l-4.6 4.6',
    completed: 'M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM5 8.3l2.1 2.1L11 6.2',
    search: 'M7 2a5 5 0 1 0 0 10A5 5 0 0 0 7 2ZM10.6 10.6 14 14',
    bell: 'M8 2a4 4 0 0 0-4 4c0 4-1.5 5-1.5 5h11S12 10 12 6a4 4 0 0 0-4-4ZM6.5 13.5a1.6 1.6 0 0 0 3 0',
    theme: 'M8 1.5a6.5 6.5 0 1 0 0 13V1.5ZM8 1.5a6.5 6.5 0 0 1 0 13',
    help: 'M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM6.2 6.2a1.8 1.8 0 1 1 2.6 1.6c-.6.3-.8.7-.8 1.4M8 11.3v.2',
    copy: 'M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3',
    download: 'M8 2v8M4.8 7 8 10.2 11.2 7M2.5 13.5h11',
    close: 'M4 4l8 8M12 4l-8 8',
    left: 'M10 3 5 8l5 5',
    right: 'M6 3l5 5-5 5',
    down: 'M3 6l5 5 5-5',
    warning: 'M8 2 1.5 13.5h13L8 2ZM8 6.5v3.2M8 11.6v.2',
    gauge: 'M2.5 11.5a6 6 0 1 1 11 0M8 9.5l2.8-3.2',
    host: 'M2.5 3h11v4h-11zM2.5 9h11v4h-11zM5 5h.2M5 11h.2',
    port: 'M6 2v4M10 2v4M4 6h8v2a4 4 0 0 1-8 0V6ZM8 12v2.5',
    scans: 'M2.5 4h11M2.5 8h11M2.5 12h7',
    plug: 'M8 8m-1.4 0a1.4 1.4 0 1 0 2.8 0 1.4 1.4 0 1 0-2.8 0M4.6 11.4a4.8 4.8 0 0 1 0-6.8M11.4 4.6a4.8 4.8 0 0 1 0 6.8',
    terminal: 'M2 3h12v10H2zM4.5 6l2 2-2 2M8.5 10h3',
    filter: 'M2 3.5h12L9.5 9v4.5l-3-1.5V9L2 3.5Z',
    up: 'M3 10l5-5 5 5',
};

export function icon(name, className = 'icon') {
    return svg('svg', { class: className, viewBox: '0 0 16 16', width: 16, height: 16, 'aria-hidden': 'true', focusable: 'false' },
        svg('path', { d: PATHS[name] ?? PATHS.help }));
}

/** Shows another drawing in the place of one. */
export function setIcon(drawing, name) {
    const path = drawing.firstElementChild;
    if (path.getAttribute('d') !== PATHS[name]) path.setAttribute('d', PATHS[name]);
}

/** A shape for each severity, so that colour alone says nothing: diamond, triangle, square, disc, ring, dash. */
const SHAPES = ['M8 1 15 8 8 15 1 8Z', 'M8 2 15 14H1Z', 'M2.5 2.5h11v11h-11z', 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2Z', 'M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11Z', 'M3 7h10v2H3z'];

export function shape(rank) {
    const drawing = svg('svg', { class: 'shape', viewBox: '0 0 16 16', width: 10, height: 10, 'aria-hidden': 'true', focusable: 'false' }, svg('path'));
    setShape(drawing, rank);
    return drawing;
}

export function setShape(drawing, rank) {
    const className = `shape ${LEVELS[rank] ?? 'unrated'}`;
    if (drawing.getAttribute('class') === className) return;
    drawing.setAttribute('class', className);
    drawing.firstElementChild.setAttribute('d', SHAPES[rank] ?? SHAPES[5]);
}

/** The mark of the product: water over a gate. */
export function mark() {
    return svg('svg', { class: 'mark', viewBox: '0 0 24 24', width: 22, height: 22, 'aria-hidden': 'true', focusable: 'false' },
        svg('path', { d: 'M3 4v16M21 4v16M8 4v7M12 4v4M16 4v7' }),
        svg('path', { class: 'water', d: 'M3 16c2-2 4-2 6 0s4 2 6 0 4-2 6 0' }));
}
