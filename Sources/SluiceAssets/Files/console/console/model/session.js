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

const ODD = 'A token has no spaces or other such characters. Was something else copied?';
const FOR_A_CONNECTION = 'That looks like a ticket for one connection, and not for signing in: those begin with “signin_”. Use the token that it was made of, or a ticket that was made with {"use":"sign_in"}.';
export const NO_TICKET = 'What this link has in it is no ticket for signing in: those begin with “signin_”.';

/** What a person entered, or a link brought: `{token}`, `{ticket}`, or `{fault}` in words. A whole link is as good as what it has in it. */
export function readCredential(entered) {
    const link = /^\s*https?:\/\/\S*#(\S+)\s*$/i.exec(entered);
    const fields = new URLSearchParams(link?.[1] ?? '');
    const text = (fields.get('token') ?? fields.get('ticket') ?? entered).trim().replace(/^Bearer\s+/i, '');
    if (/^signin_[\w-]*$/.test(text)) return { ticket: text };
    if (/^[\w-]{20,}$/.test(text)) return { fault: FOR_A_CONNECTION };
    return /[^\w.~+/=-]/.test(text) ? { fault: ODD } : { token: text };
}

/** Why a gateway did not trade a ticket for its token, for a person; `refusal` is a `Refusal` of `net/api.js`. */
export function whyNotTraded({ status, code, message }) {
    if (code === 'invalid_ticket') return 'This ticket signs nobody in any more: it works once, and for 30 seconds. Go back to where it came from, and open the console from there again.';
    if (code === 'invalid_token') return 'The token that this ticket was made of has expired or was revoked meanwhile. Get a new one.';
    if (code === 'origin_refused') return 'The gateway takes no ticket from this page: it does not see that the page is its own. Its operator has to look at “origins” and “trusted_proxies”.';
    if (status === 404 || status === 405) return 'This gateway knows no tickets for signing in. Use a token.';
    if (status === 0 || status === 429 || status >= 500) return `The ticket could not be looked at: ${message} A ticket holds for 30 seconds; until then, try again.`;
    return `The gateway did not take this ticket: ${message}`;
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
