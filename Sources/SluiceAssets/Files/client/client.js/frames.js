/** Deliveries that wait for the next frame that the tab draws. */

import { isHidden } from './common.js';

/** How long they wait at most in a tab whose frames are not drawn, and where there are no frames. */
const [UNSEEN_FRAME_MS, NO_FRAME_MS] = [250, 16];

export class Frames {
    /** @type {Set<{ flush: () => void }>} */
    #due = new Set();

    /** @param {{ flush: () => void }} follower */
    schedule(follower) {
        this.#due.add(follower);
        if (this.#due.size > 1) return;
        const draw = () => {
            clearTimeout(timer);
            const due = [...this.#due];
            this.#due.clear();
            for (const each of due) each.flush();
        };
        const hasFrames = typeof requestAnimationFrame === 'function';
        // A tab that is hidden, or becomes so, draws none: whichever comes first.
        const timer = setTimeout(draw, hasFrames ? UNSEEN_FRAME_MS : NO_FRAME_MS);
        if (hasFrames && !isHidden()) requestAnimationFrame(draw);
    }
}
