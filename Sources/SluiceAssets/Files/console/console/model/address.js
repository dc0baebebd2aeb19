/** Where a person is, as it stands in the address behind `#`: nothing of it is sent to a server. */

const SCAN_ID = /^(?!\.{1,2}$)[A-Za-z0-9._~-]{1,128}$/;

export const isScanID = (text) => SCAN_ID.test(text) && text !== 'stats';

/**
 * A place out of a fragment: `{page, scanId, query, token, ticket}`, `page` being `overview`, `scan`, `connections` or `debugger`.
 * `#token=…&scan=…` is what commands print, `#ticket=…&scan=…` what applications link to.
 */
export function readAddress(hash) {
    const text = hash.replace(/^#/, '');
    if (text !== '' && !text.startsWith('/')) {
        const fields = new URLSearchParams(text);
        const scanId = fields.get('scan');
        const place = scanId && isScanID(scanId) ? { page: 'scan', scanId } : { page: 'overview', scanId: null };
        return { ...place, query: new URLSearchParams(), token: fields.get('token'), ticket: fields.get('ticket'), isPlain: false };
    }
    const [path, search = ''] = text.split(/\?(.*)/s);
    const parts = path.split('/').filter(Boolean);
    const query = new URLSearchParams(search);
    const place = { page: 'overview', scanId: null, query, token: null, ticket: null, isPlain: true };
    if (parts[0] === 'scans' && parts.length === 2) {
        const scanId = decoded(parts[1]);
        if (isScanID(scanId)) return { ...place, page: 'scan', scanId };
    }
    if ((parts[0] === 'connections' || parts[0] === 'debugger') && parts.length === 1) return { ...place, page: parts[0] };
    return place;
}

export function writeAddress({ page, scanId = null, query = null }) {
    const path = { overview: '/', scan: `/scans/${encodeURIComponent(scanId ?? '')}` }[page] ?? `/${page}`;
    const search = query?.toString() ?? '';
    return `#${path}${search ? `?${search}` : ''}`;
}

function decoded(text) {
    try {
        return decodeURIComponent(text);
    } catch {
        return '';
    }
}
