import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';

const root = process.env.CONSOLE_FILES;
const read = (name) => readFileSync(join(root, name), 'utf8');
const files = (end) => readdirSync(join(root, 'console'), { recursive: true }).filter((name) => name.endsWith(end)).map((name) => `console/${name}`);
const page = read('index.html');

test('script and style stand in files of their own, all of them the gateway\'s', () => {
    assert.doesNotMatch(page, /<style|\sstyle=|\son\w+=|javascript:|https?:\/\//i);
    assert.deepEqual([...page.matchAll(/<script\b[^>]*>/g)].map(([tag]) => tag), ['<script type="module" src="console/app.js">']);
    const links = [...page.matchAll(/\s(?:href|src)="([^"]+)"/g)].map(([, name]) => name);
    assert.ok(links.length >= 4);
    for (const name of links) assert.ok(existsSync(join(root, name)), name);
    for (const name of files('.css')) {
        assert.ok(links.includes(name), name);
        assert.doesNotMatch(read(name), /url\(|@import/);
    }
});

test('nothing a message says can become markup or code', () => {
    for (const name of [...files('.js'), 'client.js']) {
        const text = read(name);
        assert.doesNotMatch(text, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|DOMParser|setAttribute\('on/, name);
        assert.doesNotMatch(text, /['"`]style['"`]|srcdoc|href:.*message/, name);
    }
});

test('each module is one subject of readable size, and imports what is there', () => {
    assert.ok(files('.js').length > 20);
    for (const name of files('.js')) {
        const text = read(name);
        assert.match(text, /^\/\*\*/, `${name} begins with what it is for`);
        assert.ok(text.split('\n').length <= 400, name);
        for (const [, path] of text.matchAll(/^import .* from '(.+)';$/gm)) {
            assert.match(path, /^\.\.?\//, `${name}: ${path}`);
            assert.ok(existsSync(join(root, dirname(name), path)), `${name}: ${path}`);
        }
    }
});

test('the model knows no page, no network and no clock', () => {
    for (const name of files('.js').filter((file) => file.startsWith('console/model/'))) {
        assert.doesNotMatch(read(name), /\bdocument\b|\bwindow\b|\bfetch\(|Date\.now|performance\.|setTimeout|WebSocket\(|from '\.\.\//, name);
    }
});

test('movement stops, and colours follow, where a person wants them to', () => {
    const style = files('.css').map(read).join('\n');
    assert.match(style, /prefers-reduced-motion: reduce/);
    assert.match(style, /color-scheme: light dark/);
});
