"""Signing in to the console in Chromium and Firefox, over TLS: by a token, a ticket, a link; and why one is refused.

Skipped where the browsers are not installed (Debian: chromium, firefox-esr).
"""

import pytest
from browsers import BROWSERS
from console import Console
from follower import post

both = pytest.mark.parametrize("browser", BROWSERS)


@both
async def test_signing_in_and_staying(gateway, scan, tmp_path, browser):
    await post(gateway, scan, [{"type": "scanStarted"}])
    async with browser(tmp_path) as page:
        console = Console(page, gateway)
        await console.open("#/")
        await console.has(".sign-in", "Watch security scans")
        for token, answer in [(gateway.token(ttl=-3600), "This token expired at"), ("nonsense!", "no spaces"), ("a.b.c", "not a token"),
                              ("A" * 32, "looks like a ticket"), (gateway.token(key="x" * 40, iss="https://idp.example"), "issued by https://idp.example")]:
            await console.sign_in(token)
            await console.has(".form-note", answer)
        await console.go("#ticket=" + "B" * 32)
        await console.has(".form-note", "looks like a ticket")
        assert "BBB" not in await console.address()
        await console.sign_in(gateway.reader("carol"))
        await console.has(".identity", "carol")
        await console.has(".list .name", scan)
        await console.reload()
        await console.has(".list .name", scan)
        assert await page.evaluate("JSON.stringify(Object.keys(localStorage))") == '["sluice.theme"]'
        await console.click("header.top button", "Sign out")
        await console.has(".sign-in", "Watch security scans")
        await console.reload()
        await console.has(".sign-in", "Watch security scans")

        # A link with a token and a scan, as `sluice demo` prints it: nothing of the token stays in the address.
        await page.open(f"{console.gateway.url}/?link#token={gateway.reader()}&scan={scan}")
        await console.has(".scan-head h1", scan)
        assert await console.address() == f"#/scans/{scan}"

        # Allowed to come, and not to read.
        await console.open(f"#/scans/{scan}", gateway.token("mallory", scans=["other"]))
        await console.has(".banner", "You are not allowed to read this scan")


@both
async def test_signing_in_by_a_ticket(make_gateway, scan, tmp_path, browser):
    gateway = make_gateway()
    await post(gateway, scan, [{"type": "scanStarted"}])

    def ticket(token=None, body={"use": "sign_in"}):
        return gateway.request("POST", "/api/tickets", body, token=token or gateway.reader("carol")).json()["ticket"]

    async with browser(tmp_path) as page:
        console = Console(page, gateway)
        # A link signs in at once, and leaves no trace of the ticket, in the history neither.
        used = ticket()
        await page.open(f"{gateway.url}/?link#ticket={used}&scan={scan}")
        await console.has(".identity", "carol")
        await console.has(".scan-head h1", scan)
        assert await console.address() == f"#/scans/{scan}"
        await console.watch()
        everything = "location.href + JSON.stringify([{...sessionStorage}, {...localStorage}, history.state]) + document.cookie + document.documentElement.outerHTML"
        assert "signin_" not in (await page.evaluate(everything)).replace("signin_…", "")
        await console.reload()
        await console.has(".identity", "carol")
        await console.go("#/")
        await console.has(".list .name", scan)
        await page.evaluate("void history.back()")
        await console.has(".scan-head h1", scan)

        # A link that was used says why, and takes nothing from who is signed in.
        await console.go(f"#ticket={used}")
        await console.has(".toast", "works once, and for 30 seconds")
        await console.has(".toast", "signed in as before")
        await console.has(".identity", "carol")
        assert await console.address() == "#/"
        # Another user's takes the place of it.
        await console.go(f"#ticket={ticket(gateway.reader('dora'))}")
        await console.has(".identity", "dora")

        await console.click("header.top button", "Sign out")
        await console.has(".sign-in", "Watch security scans")
        await page.open(f"{gateway.url}/?used#ticket={used}&scan={scan}")
        await console.has(".form-note", "works once, and for 30 seconds")
        assert await console.address() == f"#/scans/{scan}"
        await console.reload()
        await console.has(".sign-in", "Watch security scans")
        await console.has_no(".form-note", "works once")
        await console.sign_in(used)
        await console.has(".form-note", "works once, and for 30 seconds")
        plain = ticket(body=None)
        for text in (plain, f"{gateway.url}/#ticket={plain}"):
            await console.sign_in(text)
            await console.has(".form-note", "for one connection")
        await console.go("#ticket=nonsense")
        await console.has(".form-note", "no ticket for signing in")
        revoked = ticket(gateway.reader("carol", jti="j-1"))
        assert gateway.request("POST", "/api/tokens/revoke", {"jti": "j-1"}, token=gateway.admin()).status == 204
        await console.sign_in(revoked)
        await console.has(".form-note", "expired or was revoked")

        # Without an answer the ticket stays where it is, for another try.
        await page.evaluate("void (globalThis.ask = fetch, globalThis.fetch = () => Promise.reject(new TypeError('away')))")
        await console.sign_in(ticket())
        await console.has(".form-note", "try again")
        await page.evaluate("void (globalThis.fetch = ask, document.querySelector('.token-form').requestSubmit())")
        await console.has(".identity", "carol")
        await console.has(".list .name", scan)
        await console.reload()
        await console.has(".list .name", scan)

        await console.click("header.top button", "Sign out")
        await console.sign_in(f" {gateway.url}/#ticket={ticket(gateway.reader('dora'))}&scan=other ")
        await console.has(".identity", "dora")
        await console.check_quiet()
