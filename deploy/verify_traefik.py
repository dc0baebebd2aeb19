"""What can be said about Traefik's files without Traefik: every name that is used is defined, every time is a time."""

import re
import sys

import yaml

static, dynamic = (yaml.safe_load(open(name, encoding="utf-8")) for name in sys.argv[1:3])
DURATION = re.compile(r"^\d+(ms|s|m|h)$")
faults = []


def expect(condition, text):
    if not condition:
        faults.append(text)


def durations(node, path=""):
    for key, value in node.items():
        if isinstance(value, dict):
            durations(value, f"{path}{key}.")
        elif re.search(r"([tT]imeout|TimeOut|interval)$", key):
            expect(isinstance(value, str) and DURATION.match(value), f"{path}{key}: {value!r} is no duration")


entry_points = static["entryPoints"]
http = dynamic["http"]
known = {"entryPoints", "providers", "accessLog", "log", "global"}
expect(set(static) <= known, f"static: unknown keys {set(static) - known}")
expect(set(dynamic) <= {"http", "tls"}, f"dynamic: unknown keys {set(dynamic) - {'http', 'tls'}}")
for name, point in entry_points.items():
    target = point.get("http", {}).get("redirections", {}).get("entryPoint", {}).get("to")
    expect(target is None or target in entry_points, f"{name}: redirects to {target}")
    expect(re.match(r"^:\d+$", point["address"]), f"{name}: {point['address']} is no address")
for name, router in http["routers"].items():
    expect(router["service"] in http["services"], f"{name}: no service {router['service']}")
    expect(router["tls"]["options"] in dynamic["tls"]["options"], f"{name}: no TLS options {router['tls']['options']}")
    expect(not set(router["entryPoints"]) - set(entry_points), f"{name}: unknown entry points")
    expect(re.match(r"^Host\(`[\w.-]+`\)$", router["rule"]), f"{name}: rule {router['rule']}")
    expect(not set(router.get("middlewares", [])) - set(http.get("middlewares", {})), f"{name}: unknown middleware")
for name, service in http["services"].items():
    balancer = service["loadBalancer"]
    expect(balancer["serversTransport"] in http["serversTransports"], f"{name}: no such transport")
    expect(all(re.match(r"^https?://[\w.]+:\d+$", s["url"]) for s in balancer["servers"]), f"{name}: server address")
expect(not entry_points["websecure"]["forwardedHeaders"]["insecure"], "strangers' X-Forwarded-For would be believed")
durations(static)
durations(dynamic)
print("\n".join(faults), end="\n" if faults else "")
sys.exit(1 if faults else 0)
