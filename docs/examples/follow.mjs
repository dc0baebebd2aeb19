// Follows a scan in Node 18 or later, and writes each message as a line of JSON, to the scan's end.
//
//     curl --cacert ca.crt -o client.mjs "$SLUICE_URL/client.js"
//     NODE_EXTRA_CA_CERTS=ca.crt SLUICE_URL=https://localhost:8443 SLUICE_TOKEN=… node follow.mjs nightly-1
//
// Exit code: 0 for a scan that completed, 1 for one that failed or may not be followed.

import { SluiceConnection } from './client.mjs';

const { SLUICE_URL: url, SLUICE_TOKEN: token } = process.env;
const [scanId] = process.argv.slice(2);
if (!url || !scanId) {
    console.error('usage: SLUICE_URL=… SLUICE_TOKEN=… node follow.mjs SCAN_ID');
    process.exit(64);
}

const gateway = new SluiceConnection({ url, token }).open();
const scan = gateway.subscribe(scanId, {
    since: 0,
    wait: 300,
    onState: ({ state, inMs, reason }) => state === 'reconnecting' && console.error(`${reason}; again in ${inMs} ms`),
    onGap: ({ done, lost }) => done && lost > 0 && console.error(`${lost} messages are kept no more`),
});

let isFailed = false;
try {
    for await (const message of scan) {
        console.log(JSON.stringify(message));
        isFailed = message.type === 'error';
        if (isFailed || message.type === 'scanCompleted') break;
    }
} catch (error) {
    console.error(`${error.code}: ${error.message}`);
    isFailed = true;
}
gateway.close();
process.exitCode = isFailed ? 1 : 0;
