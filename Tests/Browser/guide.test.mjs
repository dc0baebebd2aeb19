import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

const root = new URL('../../', import.meta.url);
const guide = await readFile(new URL('docs/client.md', root), 'utf8');
const finding = await import(join(process.env.CONSOLE_FILES, 'console/model/finding.js'));

test('the guide names all that the client has', async () => {
    const types = await readFile(join(process.env.CONSOLE_FILES, 'client.d.ts'), 'utf8');
    const plain = types.replace(/\/\*\*?[\s\S]*?\*\//g, '');
    const members = [...plain.matchAll(/^ {4}(?:readonly )?([A-Za-z]+)\??[(:]/gm)].map(([, name]) => name);
    assert.ok(members.length > 80, `${members.length}`);
    const missing = [...new Set(members)].filter((name) => name !== 'constructor' && !new RegExp(`\\b${name}\\b`).test(guide));
    assert.deepEqual(missing, []);
});

test('the console reads what sluice run makes of each scanner', async () => {
    const folder = new URL('Tests/SluiceClientTests/Fixtures/records/', root);
    const rows = async (name) => (await readFile(new URL(`${name}.expected`, folder), 'utf8')).trimEnd().split('\n')
        .map((line, index) => finding.readRow({ seq: index, ...JSON.parse(line) }, null)).filter((row) => row.isFinding);
    const shown = async (name) => (await rows(name)).map(({ rank, title, target, host, port, cvss }) => [rank, title, target, host, port, cvss]);
    assert.deepEqual((await shown('zap.json'))[0], [1, 'Cross Site Scripting (Reflected)', 'https://a.example:8443/search?q=1', 'a.example', 8443, null]);
    assert.deepEqual((await shown('trivy.json'))[0], [2, 'openssl: information disclosure in fork()', 'alpine:3.10 (alpine 3.10.2)', '', null, 5.3]);
    assert.deepEqual((await shown('grype.json'))[0], [3, 'CVE-1999-0001', '/foo/bar/somefile-1.txt', '', null, 8.2]);
    assert.deepEqual((await shown('sarif.json'))[3], [1, 'This query depends on a user-provided value.', 'routes/user.js', '', null, 8.8]);
    assert.deepEqual((await shown('nikto.json'))[1].slice(1, 5), ['This might be interesting.', '/admin/', '192.0.2.10', 443]);
    assert.deepEqual((await shown('httpx.jsonl'))[0].slice(1, 5), ['nginx/1.24.0 Login', 'https://a.example', '192.0.2.10', 443]);
    for (const name of ['ffuf.jsonl', 'feroxbuster.jsonl', 'ffuf.txt', 'feroxbuster.txt', 'nikto.txt']) {
        for (const row of await rows(name)) assert.ok(row.title !== row.type && row.target !== '', `${name}: ${JSON.stringify(row.message)}`);
    }
});
