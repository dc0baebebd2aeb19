/** The gateway's HTTP interface, as the console uses it. Refusals are errors that say what a person has to know. */

export class Refusal extends Error {
    constructor(status, { code = 'unknown', detail = '', title = '' } = {}, retryAfterMs = null) {
        super(detail || title || (status === 0 ? 'The gateway does not answer.' : `The gateway answered ${status}.`));
        Object.assign(this, { status, code, retryAfterMs });
    }

    /** Whether the same question may be answered later. */
    get isPassing() {
        return this.status === 0 || this.status === 429 || this.status >= 500;
    }
}

/**
 * Spends what a user may ask without being refused: a bucket of tokens, one for each request and each 64 KiB of answers.
 * The gateway's default is 20 a second; some are left for what a person asks meanwhile.
 */
export class Pace {
    #tokens;
    #at = null;

    constructor(rate = 15, burst = 25) {
        [this.rate, this.burst, this.#tokens] = [rate, burst, burst];
    }

    spend(byteCount) {
        this.#tokens -= 1 + Math.floor(byteCount / 65_536);
    }

    /** Milliseconds until the next one is within the rate. */
    wait(now) {
        if (this.#at !== null) this.#tokens = Math.min(this.burst, this.#tokens + (now - this.#at) / 1000 * this.rate);
        this.#at = now;
        return this.#tokens >= 1 ? 0 : Math.ceil((1 - this.#tokens) / this.rate * 1000);
    }
}

export class Api {
    /** Called with each 401 of the token that is in use. */
    onUnauthorized = () => {};

    constructor(base, session) {
        [this.base, this.session] = [base, session];
    }

    /** The answer's JSON, with its length in characters; throws a `Refusal`. */
    async request(method, path, { body, signal, headers = {}, isAnonymous = false } = {}) {
        const token = isAnonymous ? null : this.session.token;
        const fields = { ...headers };
        if (token) fields.Authorization = `Bearer ${token}`;
        if (body !== undefined && !fields['Content-Type']) fields['Content-Type'] = 'application/json';
        let response;
        let text;
        try {
            const sent = typeof body === 'string' || body === undefined ? body : JSON.stringify(body);
            response = await fetch(this.base + path, { method, headers: fields, body: sent, cache: 'no-store', signal });
            text = await response.text();
        } catch (error) {
            if (error.name === 'AbortError') throw error;
            throw new Refusal(0);
        }
        const value = parse(text);
        if (response.ok) return { status: response.status, value, length: text.length };
        if (response.status === 401 && !isAnonymous && token === this.session.token) this.onUnauthorized();
        const seconds = Number.parseInt(response.headers.get('Retry-After'), 10);
        throw new Refusal(response.status, value ?? {}, seconds >= 0 ? seconds * 1000 : null);
    }

    async get(path, query = {}, options = {}) {
        const search = new URLSearchParams(Object.entries(query).filter(([, value]) => (value ?? '') !== '')).toString();
        return this.request('GET', search ? `${path}?${search}` : path, options);
    }

    async stats(query, options) {
        return (await this.get('api/scans/stats', { totals: 'true', ...query }, options)).value;
    }

    async state(scanId, options) {
        return (await this.get(`api/scans/${encodeURIComponent(scanId)}`, {}, options)).value;
    }

    facets(scanId, query, options) {
        return this.get(`api/scans/${encodeURIComponent(scanId)}/facets`, query, options);
    }

    messages(scanId, query, options) {
        return this.get(`api/scans/${encodeURIComponent(scanId)}/messages`, { times: true, ...query }, options);
    }

    async connections(options) {
        return (await this.get('api/connections', {}, options)).value;
    }

    async connection(id, options) {
        return (await this.get(`api/connections/${encodeURIComponent(id)}`, {}, options)).value;
    }

    async disconnect(kind, name) {
        return (await this.request('POST', `api/${kind}/${encodeURIComponent(name)}/disconnect`)).value;
    }

    /** The token that a ticket for signing in was made of: once, whoever is signed in here. */
    async redeem(ticket) {
        const { value } = await this.request('POST', 'api/tickets/redeem', { body: { ticket }, isAnonymous: true });
        if (typeof value?.token !== 'string') throw new Refusal(0, { detail: 'There is no gateway at this address.' });
        return value.token;
    }

    async revoke(revocation) {
        await this.request('POST', 'api/tokens/revoke', { body: revocation });
    }
}

function parse(text) {
    try {
        const value = JSON.parse(text);
        return typeof value === 'object' ? value : null;
    } catch {
        return null;
    }
}
