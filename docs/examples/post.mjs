// Posts messages to a scan: one JSON object a line on standard input. Node 18 or later, without packages.
//
//     export SLUICE_URL=https://localhost:8443 SLUICE_TOKEN=… NODE_EXTRA_CA_CERTS=ca.crt
//     printf '%s\n' '{"type":"scanStarted"}' '{"type":"scanCompleted"}' | node post.mjs nightly-1
//
// Exit code: 0 if all were taken, 1 if the gateway refused or could not be reached.

import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';

const AT_ONCE = 500;
const TRIES = 8;
const { SLUICE_URL, SLUICE_TOKEN } = process.env;
const url = `${SLUICE_URL}/api/scans/${process.argv[2]}/progress`;

/** Posts an array. The key makes it safe to repeat: what the gateway has taken already, it does not take twice. */
async function post(messages) {
    const headers = {
        Authorization: `Bearer ${SLUICE_TOKEN}`, 'Content-Type': 'application/json', 'Idempotency-Key': randomUUID(),
    };
    for (let attempt = 1; ; attempt += 1) {
        let reason;
        let seconds = 2 ** attempt;
        try {
            const answer = await fetch(url, {
                method: 'POST', headers, body: `[${messages.join(',')}]`, signal: AbortSignal.timeout(30_000),
            });
            const text = await answer.text();
            if (answer.ok) return console.log(text);
            reason = `${answer.status} ${text}`;
            if (answer.status < 500 && answer.status !== 408 && answer.status !== 429) attempt = TRIES;
            seconds = Number(answer.headers.get('Retry-After') ?? seconds);
        } catch (error) {
            reason = error.cause?.message ?? error.message;
        }
        if (attempt >= TRIES) throw new Error(reason);
        await pause(Math.min(seconds, 60) * 1000);
    }
}

try {
    let batch = [];
    for await (const line of createInterface({ input: process.stdin })) {
        if (line.trim()) batch.push(line);
        if (batch.length === AT_ONCE) await post(batch.splice(0));
    }
    if (batch.length > 0) await post(batch);
} catch (error) {
    console.error(`post: ${error.message}`);
    process.exitCode = 1;
}
