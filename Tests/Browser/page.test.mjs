import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const read = (name) => readFileSync(`${process.env.CONSOLE_FILES}/${name}`, 'utf8');
const page = read('index.html');
const scripts = ['client.js', 'console-model.js', 'console.js'];

test('script and style stand in files of their own, all of them the gateway\'s', () => {
    assert.doesNotMatch(page, /<style|\sstyle=|\son\w+=|javascript:/i);
    assert.deepEqual([...page.matchAll(/<script\b[^>]*>/g)].map(([tag]) => tag), ['<script type="module" src="console.js">']);
    assert.doesNotMatch(page, /https?:\/\//);
    assert.doesNotMatch(read('console.css'), /url\(|@import/);
});

test('nothing a message says can become markup or code', () => {
    for (const name of scripts) {
        assert.doesNotMatch(read(name), /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|DOMParser/);
    }
});

test('every element that the script names is there, once', () => {
    const ids = [...page.matchAll(/\sid="([\w-]+)"/g)].map(([, id]) => id);
    assert.equal(new Set(ids).size, ids.length);
    for (const [, id] of read('console.js').matchAll(/\bat\('([\w-]+)'\)/g)) assert.ok(ids.includes(id), id);
    for (const [, id] of page.matchAll(/\s(?:for|aria-labelledby|aria-controls)="([\w-]+)"/g)) assert.ok(ids.includes(id), id);
});

test('every field and button has a name', () => {
    for (const [, id] of page.matchAll(/<input id="([\w-]+)"/g)) {
        assert.ok(page.includes(`for="${id}"`) || new RegExp(`<label[^>]*><input id="${id}"`).test(page), id);
    }
    for (const [, attributes, text] of page.matchAll(/<button\b([^>]*)>([^<]*)</g)) {
        assert.ok(/\btype="(button|submit)"/.test(attributes) && text.trim() !== '', attributes);
    }
});

test('the client is small', () => {
    assert.ok(read('client.js').split('\n').length < 430);
});
