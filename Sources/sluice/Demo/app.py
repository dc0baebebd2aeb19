#!/usr/bin/env python3
"""A small application with a login of its own, made to stand behind a gateway: Python's standard library only.

    APP_PASSWORD=... app.py --user alice --scan 'team-7-*' [--port 3000]

Its sessions are a cookie. Behind a gateway with these lines, that cookie is all that its page needs to follow a scan:

    proxy: { routes: [ { path: /, upstreams: ["http://127.0.0.1:3000"] } ] }
    console: { path: /live }
    auth: { forward: { url: "http://127.0.0.1:3000/whoami", headers: [Cookie] } }
"""

import argparse
import hmac
import html
import http.server
import json
import os
import secrets
import signal
import sys
import threading
import time
import urllib.parse

# The prefix keeps other hosts and paths from setting it (RFC 6265bis, section 4.1.3.2).
COOKIE = "__Host-session"
SESSION_SECONDS = 3600
# Beyond it the oldest session ends.
MOST_SESSIONS = 1000
# A form of two fields; more is refused.
MOST_FORM_BYTES = 4096

FRAME = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="/style.css">
<body>{body}</body>
</html>
"""
LOGIN = """<h1>Scans</h1>
<form method="post" action="/login">
<p><label>User <input name="user" autocomplete="username" required autofocus></label></p>
<p><label>Password <input name="password" type="password" autocomplete="current-password" required></label></p>
<p>{text}</p>
<p><button>Log in</button></p>
</form>"""
PAGE = """<header><h1>{scan}</h1><form method="post" action="/logout">{user} <button>Log out</button></form></header>
<p role="status" id="state">connecting</p>
<p><progress id="progress" max="100"></progress></p>
<table><tbody id="rows" data-scan="{scan}"></tbody></table>
<script type="module" src="/page.js"></script>"""
STYLE = """body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
header { display: flex; justify-content: space-between; align-items: center; }
progress { width: 100%; }
td { padding: 0.1rem 1rem 0.1rem 0; vertical-align: top; }
"""
# No token anywhere: the browser sends the cookie, and the gateway asks /whoami what it is worth.
SCRIPT = """import { SluiceClient } from '/client.js';

const rows = document.getElementById('rows');
const state = document.getElementById('state');
const progress = document.getElementById('progress');

new SluiceClient({
    scanId: rows.dataset.scan,
    since: 0,
    wait: 300,
    delivery: 'frame',
    onMessages(messages) {
        for (const { seq, type, scanId, ...rest } of messages) {
            if (type === 'scanStarted') rows.replaceChildren();
            if (type === 'scanProgress') {
                progress.value = rest.percent ?? 0;
                continue;
            }
            const row = rows.insertRow(0);
            // As text: what a scanner found is not to be trusted.
            for (const text of [seq, type, JSON.stringify(rest)]) row.insertCell().textContent = text;
        }
    },
    onState({ state: now, reason, advice }) {
        state.textContent = reason ? `${now}: ${reason}` : now;
        // The session is over: the application shows its login.
        if (now === 'closed' && advice === 'new-token') location.assign('/');
    },
}).open();
"""


class Sessions:
    """Who is logged in, by the secret in a cookie."""

    def __init__(self):
        self.lock = threading.Lock()
        self.known = {}

    def open(self, user):
        session = secrets.token_urlsafe(32)
        with self.lock:
            while len(self.known) >= MOST_SESSIONS:
                del self.known[next(iter(self.known))]
            self.known[session] = (user, int(time.time()) + SESSION_SECONDS)
        return session

    def close(self, session):
        with self.lock:
            self.known.pop(session, None)

    def find(self, session):
        """The user and when the session ends; (None, 0) for one that is unknown or over."""
        with self.lock:
            user, end = self.known.get(session, (None, 0))
            if end <= time.time():
                self.known.pop(session, None)
                return None, 0
            return user, end


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # A connection that the gateway keeps open ends after this many seconds without a request.
    timeout = 120

    def do_GET(self):
        path = self.path.partition("?")[0]
        if path == "/":
            self.show_front()
        elif path == "/whoami":
            self.tell_who_it_is()
        elif path == "/page.js":
            self.answer(200, "text/javascript", SCRIPT)
        elif path == "/style.css":
            self.answer(200, "text/css", STYLE)
        else:
            self.answer(404, "text/plain", "There is no such page.\n")

    def do_POST(self):
        length = self.headers["Content-Length"] or "0"
        if not length.isdecimal() or int(length) > MOST_FORM_BYTES:
            self.close_connection = True
            self.answer(413, "text/plain", "Too much.\n")
            return
        fields = urllib.parse.parse_qs(self.rfile.read(int(length)).decode("utf-8", "replace"))
        if self.headers["Origin"] not in (None, f"https://{self.headers['Host']}"):
            self.answer(403, "text/plain", "Not from another site.\n")
        elif self.path == "/login":
            self.log_in(*(fields.get(name, [""])[0] for name in ("user", "password")))
        elif self.path == "/logout":
            self.server.sessions.close(self.session())
            self.go_to_front("")
        else:
            self.answer(404, "text/plain", "There is no such page.\n")

    # What it does

    def tell_who_it_is(self):
        """The gateway's question: 200 with the rights of this cookie's user, or 401."""
        user, end = self.server.sessions.find(self.session())
        if user is None:
            self.answer(401, "text/plain", "Nobody is logged in.\n")
        else:
            self.answer(200, "application/json", json.dumps({"sub": user, "scans": self.server.scans, "exp": end}))

    def show_front(self):
        user, _ = self.server.sessions.find(self.session())
        if user is None:
            self.show("Log in", LOGIN.format(text=""))
        else:
            self.show("Scans", PAGE.format(user=html.escape(user), scan=html.escape(self.server.scans[0])))

    def log_in(self, user, password):
        expected = f"{self.server.user}\0{self.server.password}"
        if not hmac.compare_digest(f"{user}\0{password}".encode(), expected.encode()):
            # One guess a second.
            with self.server.guessing:
                time.sleep(1)
            self.show("Log in", LOGIN.format(text="User or password is wrong."), 403)
            return
        # A new secret at each login: one that somebody planted before is worth nothing.
        self.server.sessions.close(self.session())
        self.go_to_front(self.server.sessions.open(user))

    # How it answers

    def session(self):
        parts = (part.strip().partition("=") for part in (self.headers["Cookie"] or "").split(";"))
        return next((value for name, _, value in parts if name == COOKIE), "")

    def go_to_front(self, session):
        age = SESSION_SECONDS if session else 0
        self.answer(303, "text/plain", "", {
            "Location": "/",
            "Set-Cookie": f"{COOKIE}={session}; Path=/; Max-Age={age}; Secure; HttpOnly; SameSite=Lax",
        })

    def show(self, title, body, status=200):
        self.answer(status, "text/html", FRAME.format(title=title, body=body), {
            "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
                                       "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        })

    def answer(self, status, kind, text, fields=None):
        body = text.encode()
        self.send_response(status)
        known = {
            "Content-Type": f"{kind}; charset=utf-8",
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        }
        for name, value in (known | (fields or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128

    def __init__(self, port, user, password, scans):
        super().__init__(("127.0.0.1", port), Handler)
        self.user, self.password, self.scans = user, password, scans
        self.sessions = Sessions()
        self.guessing = threading.Lock()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=3000, help="on the loopback; 0 for any that is free")
    parser.add_argument("--user", default="alice")
    parser.add_argument("--scan", dest="scans", action="append", required=True,
                        help="what the user may follow; the first is shown")
    parser.add_argument("--attached", action="store_true", help="end when standard input does")
    options = parser.parse_args()
    password = os.environ.get("APP_PASSWORD")
    if not password:
        sys.exit("app.py: APP_PASSWORD is not set")
    server = Server(options.port, options.user, password, options.scans)
    # Whoever started it reads the port from this line.
    print(server.server_address[1], flush=True)
    if options.attached:
        # Ctrl-C reaches all of a terminal's programs; the one that started this ends it.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sys.stdin.buffer.read()
    else:
        server.serve_forever()


if __name__ == "__main__":
    main()
