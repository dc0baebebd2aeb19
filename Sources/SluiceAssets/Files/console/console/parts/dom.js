/** Elements out of texts. Nothing in here, or that uses it, makes markup out of a text. */

/**
 * An element: `el('td', 'name', 'text')`, `el('button', {class: 'primary', type: 'button', onclick}, 'text', child)`.
 * Properties that begin with `on` are listeners, `true` is an attribute without a value, null and false are none.
 */
export function el(tag, properties = {}, ...children) {
    const element = document.createElement(tag);
    const all = typeof properties === 'string' ? { class: properties } : properties;
    for (const [name, value] of Object.entries(all)) {
        if (value === null || value === undefined || value === false) continue;
        if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
        else element.setAttribute(name, value === true ? '' : String(value));
    }
    if (tag === 'button' && !element.hasAttribute('type')) element.type = 'button';
    element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
    return element;
}

const SVG = 'http://www.w3.org/2000/svg';

/** An element of a drawing. */
export function svg(tag, attributes = {}, ...children) {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
    element.append(...children);
    return element;
}

/** Sets a text where it differs. */
export function write(element, text) {
    if (element.textContent !== text) element.textContent = text;
}

/** Sets an attribute where it differs; null and false take it away. */
export function set(element, name, value) {
    if (value === null || value === undefined || value === false) {
        if (element.hasAttribute(name)) element.removeAttribute(name);
        return;
    }
    const text = value === true ? '' : String(value);
    if (element.getAttribute(name) !== text) element.setAttribute(name, text);
}

export function setClass(element, name) {
    if (element.className !== name) element.className = name;
}

/** Makes the children of `parent` these, and leaves alone those that stand right: the focus stays where it is. */
export function arrange(parent, children) {
    children.forEach((child, index) => {
        if (parent.children[index] !== child) parent.insertBefore(child, parent.children[index] ?? null);
    });
    while (parent.children.length > children.length) parent.lastElementChild.remove();
}

/** Elements by key, made when first asked for; `show` puts those of these keys into the parent and forgets the others. */
export class Keyed {
    #known = new Map();

    constructor(parent, make) {
        [this.parent, this.make] = [parent, make];
    }

    show(keys, update) {
        const elements = keys.map((key, index) => {
            let element = this.#known.get(key);
            if (!element) this.#known.set(key, element = this.make(key));
            update(element, key, index);
            return element;
        });
        if (this.#known.size > keys.length) {
            const kept = new Set(keys);
            for (const key of this.#known.keys()) if (!kept.has(key)) this.#known.delete(key);
        }
        arrange(this.parent, elements);
    }
}

/** Runs `draw` once a frame of the screen at most, whenever it was asked for; a hidden page draws once a second. */
export class Painter {
    #isDue = false;
    #isOver = false;

    constructor(draw) {
        this.draw = draw;
    }

    ask() {
        if (this.#isDue || this.#isOver) return;
        this.#isDue = true;
        const run = () => {
            this.#isDue = false;
            if (!this.#isOver) this.draw();
        };
        if (document.hidden) setTimeout(run, 1_000);
        else requestAnimationFrame(run);
    }

    end() {
        this.#isOver = true;
    }
}

/**
 * Arrow keys move the focus among the controls of a group, of which the Tab key finds one: tabs, tiles, toolbars.
 * (WAI-ARIA Authoring Practices, roving tabindex.)
 */
export function rove(group, selector = 'button') {
    const controls = () => [...group.querySelectorAll(selector)].filter((control) => !control.disabled && !control.hidden);
    const settle = (chosen) => controls().forEach((control) => set(control, 'tabindex', control === chosen ? '0' : '-1'));
    group.addEventListener('focusin', (event) => controls().includes(event.target) && settle(event.target));
    group.addEventListener('keydown', (event) => {
        const all = controls();
        const index = all.indexOf(event.target);
        if (index < 0) return;
        const moves = { ArrowRight: index + 1, ArrowDown: index + 1, ArrowLeft: index - 1, ArrowUp: index - 1, Home: 0, End: all.length - 1 };
        if (!(event.key in moves)) return;
        event.preventDefault();
        all[(moves[event.key] + all.length) % all.length].focus();
    });
    return () => settle(controls().find((control) => control.getAttribute('tabindex') === '0')
        ?? controls().find((control) => control.matches('[aria-selected=true],[aria-pressed=true]')) ?? controls()[0]);
}
