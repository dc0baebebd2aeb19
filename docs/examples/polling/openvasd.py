#!/usr/bin/env python3
"""A scan by a running openvasd: its results while they come, and how far its hosts are.

    sluice run --scan nightly -- python3 openvasd.py http://localhost:3000 scan.json

`scan.json` is what openvasd's `POST /scans` takes: target, vts and scan_preferences. OPENVASD_API_KEY is the key of its
API, if it wants one. Only scan what you may.
"""

import json
import os
import sys

from polling import Service, pause, tell, usage

TYPES = {"alarm": "vulnerabilityFound", "log": "finding", "error": "line", "host_start": "hostDiscovered"}


def results(scanner, scan, first):
    """Tells the results from the `first` on; returns where to go on."""
    page = scanner.get(f"/scans/{scan}/results", range=first)
    # Newer versions have the list in an object.
    page = page["items"] if isinstance(page, dict) else page
    for result in page:
        first = max(first, result["id"] + 1)
        where = {"ip": result.get("ip_address"), "hostname": result.get("hostname")}
        kind = TYPES.get(result["type"])
        if kind == "hostDiscovered":
            tell(kind, **where)
        elif kind == "line":
            tell(kind, text=f"{where['ip'] or ''} {result.get('message', '')}".strip(), **where)
        elif kind:
            tell(kind, template=result.get("oid"), name=result.get("message", "").split("\n")[0] or result.get("oid"),
                 severity="info" if kind == "finding" else None, **where, port=result.get("port"),
                 protocol=result.get("protocol"), details=result.get("message"))
    return first


def progress(hosts):
    """How far all hosts together are, in percent."""
    done = hosts.get("finished", 0) + hosts.get("dead", 0) + hosts.get("excluded", 0)
    scanning = sum((hosts.get("scanning") or {}).values()) / 100
    return 100 * (done + scanning) / hosts["all"] if hosts.get("all") else None


def main():
    if len(sys.argv) != 3:
        usage("openvasd.py SCANNER-URL SCAN-FILE")
    scanner = Service(sys.argv[1], **{"X-API-KEY": os.environ.get("OPENVASD_API_KEY")})
    with open(sys.argv[2], encoding="utf-8") as file:
        scan = scanner.post("/scans", json.load(file))
    scanner.post(f"/scans/{scan}", {"action": "start"})
    tell("phaseStarted", phase="openvasd")
    first = 0
    while True:
        # Asked before the results: those of the last moment are not missed.
        status = scanner.get(f"/scans/{scan}/status")
        first = results(scanner, scan, first)
        tell("scanProgress", phase="openvasd", percent=progress(status.get("host_info") or {}))
        if status["status"] in ("succeeded", "failed", "stopped"):
            break
        pause()
    scanner.delete(f"/scans/{scan}")
    if status["status"] != "succeeded":
        raise SystemExit(f"the scan {status['status']}")


main()
