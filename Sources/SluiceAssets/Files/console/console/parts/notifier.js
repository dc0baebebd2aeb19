/** The browser's notifications, when a person asked for them: critical findings, and scans that fail, stall or end. */
import { many, shown } from '../model/text.js';

const KEY = 'sluice.notify';
const TEXTS = {
    critical: (scan, number) => `${many(number, 'critical finding')} in ${scan}`,
    failed: (scan) => `${scan} failed`,
    stalled: (scan) => `${scan} is stalled`,
    completed: (scan) => `${scan} is completed`,
};

export class Notifier {
    onChange = () => {};
    onOpen = () => {};

    constructor(storage) {
        this.storage = storage;
        this.isWanted = this.#kept() === 'yes' && this.permission === 'granted';
    }

    get permission() {
        return typeof Notification === 'function' ? Notification.permission : 'denied';
    }

    /** Asks the browser, if it has to be asked; what came of it in words. */
    async toggle() {
        if (this.isWanted) {
            this.#want(false);
            return 'Notifications are off.';
        }
        const permission = this.permission === 'default' ? await Notification.requestPermission() : this.permission;
        this.#want(permission === 'granted');
        return this.isWanted ? 'Notifications are on: critical findings, and scans that fail, stall or are completed.'
            : 'This browser does not allow notifications of this page; its settings for the page say so.';
    }

    tell({ scan, what, count }) {
        if (!this.isWanted || !(what in TEXTS)) return;
        const name = shown(scan.name || scan.scan_id, 80);
        const body = what === 'failed' ? shown(scan.error ?? '', 200) : '';
        try {
            const notification = new Notification(TEXTS[what](name, count), { body, tag: `sluice ${scan.scan_id} ${what}` });
            notification.onclick = () => {
                window.focus();
                this.onOpen(scan.scan_id);
            };
        } catch { /* Some telephones have the permission, and no notifications of pages. */ }
    }

    #want(isWanted) {
        this.isWanted = isWanted;
        try {
            this.storage().setItem(KEY, isWanted ? 'yes' : 'no');
        } catch { /* Then it holds for this page. */ }
        this.onChange();
    }

    #kept() {
        try {
            return this.storage().getItem(KEY);
        } catch {
            return null;
        }
    }
}
