/** What a screen reader is told of what happens by itself: together, once in ten seconds at most. */
import { write } from './dom.js';

const PAUSE_MS = 10_000;

export class Announcer {
    #waiting = new Map();
    #timer = null;
    #saidAt = -Infinity;

    constructor(element) {
        this.element = element;
    }

    /** Says it, a text or what makes one, with what else there is to be said; of one `subject` the newest. */
    say(subject, text) {
        this.#waiting.set(subject, text);
        if (this.#timer !== null) return;
        const wait = Math.max(200, this.#saidAt + PAUSE_MS - Date.now());
        this.#timer = setTimeout(() => this.#speak(), wait);
    }

    /** Says at once what a person did: it is an answer, not news. */
    answer(text) {
        write(this.element, text);
    }

    #speak() {
        this.#timer = null;
        this.#saidAt = Date.now();
        const texts = [...this.#waiting.values()].map((text) => typeof text === 'function' ? text() : text);
        write(this.element, texts.join('. '));
        this.#waiting.clear();
    }
}
