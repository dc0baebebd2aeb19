/**
 * The rows of a scan that a list shows: picked by a question, in an order, kept up to date as rows come, at the end and
 * in between. A new question is asked of all rows in steps, so that no frame of the screen waits for it.
 */
import { lowerBound } from './scan-store.js';

export class Selection {
    #picked = [];
    /** The rows of the question before, shown until the new one is answered. */
    #before = null;
    /** Up to this seq all rows were asked. */
    #askedTo = 0;
    #sorted = null;

    constructor(store, wants, order = 'newest') {
        [this.store, this.wants, this.order] = [store, wants, order];
    }

    /** Asks another question, or for another order. */
    ask(wants, order = this.order) {
        if (order !== this.order) [this.order, this.#sorted] = [order, null];
        if (wants === this.wants) return;
        this.wants = wants;
        this.#before ??= this.#picked;
        [this.#picked, this.#askedTo, this.#sorted] = [[], 0, null];
    }

    reset() {
        [this.#picked, this.#before, this.#askedTo, this.#sorted] = [[], null, 0, null];
    }

    get isComplete() {
        return this.#before === null;
    }

    /** Asks the next `limit` rows; whether all were asked. */
    step(limit = 20_000) {
        const rows = this.store.rows;
        const start = lowerBound(rows, this.#askedTo + 1);
        const end = Math.min(start + limit, rows.length);
        for (let index = start; index < end; index += 1) if (this.wants(rows[index])) this.#picked.push(rows[index]);
        if (end > start) [this.#askedTo, this.#sorted] = [rows[end - 1].seq, null];
        if (end < rows.length) return false;
        if (this.#before !== null) [this.#before, this.#sorted] = [null, null];
        return true;
    }

    /** Takes rows that the store has now; `dropped` are those that left it. */
    take(fresh, dropped) {
        const late = fresh.filter((row) => row.seq <= this.#askedTo && this.wants(row));
        for (let index = 0; index < late.length;) {
            const place = lowerBound(this.#picked, late[index].seq);
            const next = this.#picked[place]?.seq ?? Infinity;
            let end = index + 1;
            while (end < late.length && late[end].seq < next) end += 1;
            this.#picked.splice(place, 0, ...late.slice(index, end));
            index = end;
        }
        if (dropped) this.#picked = this.#picked.filter((row) => !dropped.has(row));
        if (late.length > 0 || dropped) this.#sorted = null;
    }

    get length() {
        return (this.#before ?? this.#picked).length;
    }

    /** The row at a place of the list, the top being 0. */
    at(index) {
        const rows = this.#list();
        return this.order === 'newest' ? rows[rows.length - 1 - index] : rows[index];
    }

    /** Where a row stands, or -1. */
    indexOf(row) {
        const rows = this.#list();
        if (this.order !== 'newest' && this.order !== 'oldest') return rows.indexOf(row);
        const place = lowerBound(rows, row.seq);
        if (rows[place]?.seq !== row.seq) return -1;
        return this.order === 'newest' ? rows.length - 1 - place : place;
    }

    /** All of them in the list's order. */
    all() {
        const rows = this.#list();
        return this.order === 'newest' ? rows.toReversed() : rows;
    }

    #list() {
        const rows = this.#before ?? this.#picked;
        if (this.order === 'newest' || this.order === 'oldest') return rows;
        this.#sorted ??= rows.toSorted(ORDERS[this.order] ?? ORDERS.severity);
        return this.#sorted;
    }
}

const byText = (field) => (a, b) => a[field] < b[field] ? -1 : a[field] > b[field] ? 1 : b.seq - a.seq;

/** Orders besides `newest` and `oldest`; what is equal stands the newest first. */
const ORDERS = {
    severity: (a, b) => a.rank - b.rank || (b.cvss ?? 0) - (a.cvss ?? 0) || b.seq - a.seq,
    target: byText('target'),
    title: byText('title'),
};
