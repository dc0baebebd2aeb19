/** The other end of what the client talks to, played by a test. */

/** A socket whose other end is the test. */
export class FakeSocket {
    static all = [];

    constructor(url, protocols) {
        Object.assign(this, { url: new URL(url), protocols, readyState: 0, sent: [] });
        FakeSocket.all.push(this);
    }

    send(text) { this.sent.push(JSON.parse(text)); }
    close(code) { this.closedWith = code; }
    accept() { this.readyState = 1; this.onopen(); }
    say(...frames) { for (const frame of frames) this.onmessage({ data: JSON.stringify(frame) }); }
    end(code, reason = '') { this.readyState = 3; this.onclose({ code, reason }); }
}

export const subscribed = (seq, more = {}) => ({ type: 'subscribed', scanId: 'a', epoch: 'e1', seq, recovered: true, ...more });
export const posted = (seq, type = 'found') => ({ seq, type });
export const json = (status, body, headers) => new Response(JSON.stringify(body), { status, headers });

/** A page of history. */
export const pageOf = (seqs, next = null, epoch = 'e1') => (
    json(200, { scanId: 'a', epoch, messages: seqs.map((seq) => posted(seq)), next }));

/** Lets promises settle; the timers are ours, so it takes no time. */
export const settle = async () => { for (let i = 0; i < 30; i += 1) await new Promise(setImmediate); };

/** An event stream that the test writes. */
export function events() {
    let stream;
    const body = new ReadableStream({ start: (controller) => { stream = controller; } });
    return {
        response: new Response(body.pipeThrough(new TextEncoderStream()), { status: 200 }),
        say: async (text) => { stream.enqueue(text); await settle(); },
        end: async () => { stream.close(); await settle(); },
    };
}
