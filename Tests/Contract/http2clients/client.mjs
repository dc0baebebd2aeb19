// Node's http2. What it does is said in ../test_http2_clients.py.
import { readFileSync } from 'node:fs';
import { connect } from 'node:http2';
import { createInterface } from 'node:readline';

const url = new URL(process.env.SCAN_URL);
const session = connect(url.origin, { ca: readFileSync(process.env.CA) });

function ask(method, path, token, type) {
    const stream = session.request({
        ':method': method, ':path': url.pathname + path, authorization: `Bearer ${process.env[token]}`,
        ...(type ? { 'content-type': type } : {}),
    }, { endStream: method === 'GET' });
    const head = new Promise((resolve, reject) => stream.once('response', resolve).once('error', reject));
    return { stream, head };
}

async function tell(what, { stream, head }) {
    const status = (await head)[':status'];
    let text = '';
    for await (const piece of stream.setEncoding('utf8')) text += piece;
    console.log(what, session.alpnProtocol === 'h2' ? 2 : 1, status, JSON.stringify(JSON.parse(text)));
}

const post = ask('POST', '/progress', 'PRODUCER', 'application/json');
post.stream.end('[{"type":"a"},{"type":"b"}]');
await tell('post', post);
await tell('get', ask('GET', '', 'READER'));

const events = ask('GET', '/events?since=0', 'READER');
const status = (await events.head)[':status'];
const lines = createInterface({ input: events.stream })[Symbol.asyncIterator]();
async function until(kind) {
    for (;;) {
        const { value, done } = await lines.next();
        if (done) throw new Error(`no ${kind}`);
        if (value.includes(`"type":"${kind}"`)) break;
    }
    console.log('event', 2, status, kind);
}
await until('b');
const upload = ask('POST', '/progress', 'PRODUCER', 'application/x-ndjson');
for (const kind of ['first', 'second']) {
    upload.stream.write(`{"type":"${kind}"}\n`);
    await until(kind);
}
upload.stream.end();
await tell('stream', upload);
events.stream.close();
session.destroy();
