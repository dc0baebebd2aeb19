/** Who is looking: a token, kept for the tab, and what can be told of it without trusting it. */
import { duration, moment, shown } from './text.js';

const KEY = 'sluice.token';

/** What a JWT says, unverified, for show; null where it is none. */
export function tokenFacts(token) {
    try {
        const part = (index) => {
            const body = token.split('.')[index].replaceAll('-', '+').replaceAll('_', '/');
            return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(body), (character) => character.charCodeAt(0))));
        };
        if (token.split('.').length !== 3) return null;
        const [header, claims] = [part(0), part(1)];
        if (typeof claims !== 'object' || claims === null) return null;
        const instant = (value) => typeof value === 'number' && Number.isFinite(value) ? value * 1000 : null;
        return {
            subject: typeof claims.sub === 'string' ? shown(claims.sub, 80) : null,
            expiresAt: instant(claims.exp),
            notBefore: instant(claims.nbf),
            issuer: typeof claims.iss === 'string' ? shown(claims.iss, 200) : null,
            audience: claims.aud === undefined ? null : shown(claims.aud, 200),
            roles: Array.isArray(claims.roles) ? claims.roles.filter((role) => typeof role === 'string') : [],
            scans: Array.isArray(claims.scans) ? claims.scans.filter((scan) => typeof scan === 'string').map((scan) => shown(scan, 128)) : [],
            algorithm: typeof header?.alg === 'string' ? shown(header.alg, 20) : null,
        };
    } catch {
        return null;
    }
}

/** Why a gateway may have refused a token, out of what the token says: one sentence or two for a person. */
export function whyRefused(token, now) {
    if (!token) return 'This gateway wants to know who you are.';
    const facts = tokenFacts(token);
    if (!facts) {
        return 'That is not a token: a JWT has three parts with dots between them, and begins with “ey”. An ingest key may post, but not read.';
    }
    if (facts.expiresAt !== null && facts.expiresAt <= now) {
        return `This token expired at ${moment(facts.expiresAt, now)}, ${duration((now - facts.expiresAt) / 1000)} ago. Get a new one.`;
    }
    if (facts.notBefore !== null && facts.notBefore > now + 30_000) return `This token is not valid before ${moment(facts.notBefore, now)}.`;
    if (facts.subject === null || facts.expiresAt === null) return `This token has no ${facts.subject === null ? '“sub”' : '“exp”'}, which a gateway needs.`;
    const from = facts.issuer ? ` It was issued by ${facts.issuer}${facts.audience ? ` for ${facts.audience}` : ''}: is that the issuer this gateway trusts?` : '';
    return `The gateway does not accept this token: it is signed with a key that the gateway does not have, made for another one, or was revoked.${from} The gateway’s log has the reason.`;
}

/** The token of this tab, over reloads; storage may be forbidden, then it is asked for each time. */
export class Session {
    #storage;
    #token = null;

    constructor(storage) {
        this.#storage = storage;
        this.#token = this.#try((kept) => kept.getItem(KEY));
    }

    get token() {
        return this.#token;
    }

    get facts() {
        return this.#token ? tokenFacts(this.#token) : null;
    }

    set(token, isKept = true) {
        this.#token = token || null;
        this.#try((kept) => this.#token && isKept ? kept.setItem(KEY, this.#token) : kept.removeItem(KEY));
    }

    #try(use) {
        try {
            return use(this.#storage()) ?? null;
        } catch {
            return null;
        }
    }
}
