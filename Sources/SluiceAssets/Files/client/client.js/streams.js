/** Event streams (Server-Sent Events by fetch, which can send a token), one for each scan. */

import { errorText, eventOf, lacking, parse, queryOf, refusal } from './common.js';
import { SluiceError } from './rules.js';

/** How many at once: browsers open six connections to a place on HTTP/1.1, and other requests want some. */
const MOST_STREAMS = 4;
/** The gateway says something every 15 s. */
const STREAM_SILENCE_MS = 45_000;

/**
 * @typedef {import('./follower.js').Follower} Follower
 *
 * @typedef {object} StreamOwner
 * @property {() => Iterable<Follower>} followers
 * @property {(follower: Follower) => void} opened
 * @property {() => void} tokenExpiring
 * @property {(follower: Follower, ending: SluiceError, isRefusal: boolean) => void} ended
 */

export class Streams {
    /**
     * @param {import('./access.js').Access} access
     * @param {StreamOwner} owner
     */
    constructor(access, owner) {
        this.access = access;
        this.owner = owner;
    }

    /** Opens streams for those who have none, as far as there are places. */
    start() {
        const followers = [...this.owner.followers()];
        let count = followers.filter(({ stream }) => stream).length;
        for (const follower of followers) {
            if (count >= MOST_STREAMS) return;
            if (follower.stream || follower.isOver) continue;
            count += 1;
            clearTimeout(follower.timer);
            this.#run(follower);
        }
    }

    /**
     * A stream can die without a word.
     *
     * @param {number} now
     */
    lookAfter(now) {
        for (const follower of this.owner.followers()) {
            // Where a scan is waited for, the answer may come when the scan does.
            const waitMs = follower.status.state === 'connecting' ? (follower.options.wait ?? 0) * 1_000 : 0;
            if (!follower.stream || now - follower.heardAt < STREAM_SILENCE_MS + waitMs) continue;
            follower.stream.abort();
            follower.stream = null;
            this.owner.ended(follower, new SluiceError(1006, 'no sign of life'), false);
        }
    }

    /** @param {Follower} follower */
    async #run(follower) {
        const run = follower.stream = new AbortController();
        try {
            await this.access.prepare();
            if (follower.stream === run) await this.#follow(follower, run);
        } catch (error) {
            if (follower.stream !== run) return;
            follower.stream = null;
            run.abort();
            const isOurs = error instanceof SluiceError;
            const ending = isOurs ? error : new SluiceError(1006, errorText(error));
            this.owner.ended(follower, ending, isOurs && error.status !== undefined);
        }
    }

    /**
     * @param {Follower} follower
     * @param {AbortController} run
     */
    async #follow(follower, run) {
        const { order, scanId } = follower;
        /** @type {Record<string, string>} */
        const headers = { Accept: 'text/event-stream' };
        if (order.isPlaced) headers['Last-Event-ID'] = `${order.epoch}:${order.seq}`;
        const path = `/api/scans/${scanId}/events?${queryOf(follower.query)}`;
        follower.heardAt = Date.now();
        const response = await this.access.ask(path, { headers, signal: run.signal });
        if (follower.stream !== run) return;
        if (!response.ok) throw await refusal(response);
        if (!response.body?.getReader) throw lacking('fetch that streams');
        this.owner.opened(follower);
        const [reader, decoder] = [response.body.getReader(), new TextDecoder()];
        for (let text = ''; ;) {
            const { value, done } = await reader.read();
            if (follower.stream !== run) return;
            if (done) throw new SluiceError(1006, 'the event stream broke off');
            follower.heardAt = Date.now();
            const events = (text + decoder.decode(value, { stream: true })).split('\n\n');
            text = events.pop() ?? '';
            for (const event of events) if (follower.stream === run) this.#receive(follower, event);
        }
    }

    /**
     * @param {Follower} follower
     * @param {string} text
     */
    #receive(follower, text) {
        const { id, type, data } = eventOf(text);
        const frame = parse(data);
        // No scanner can post such a type, so only the gateway says it: as the event's name, or in an unnamed one.
        if (type === 'sluice.close' || frame?.type === 'sluice.close') {
            const code = Number.isInteger(frame?.code) ? frame.code : 1000;
            throw new SluiceError(code, String(frame?.reason ?? 'scan removed'));
        }
        if (!frame) return;
        if (id.includes(':')) follower.order.moved(id.slice(0, id.lastIndexOf(':')));
        if (frame.type === 'tokenExpiring') this.owner.tokenExpiring();
        follower.receive(frame);
    }
}
