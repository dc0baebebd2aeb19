#!/usr/bin/env python3
"""A scan by a running ZAP: spider, active scan, and its alerts while they come.

    sluice run --scan nightly -- python3 zap.py http://localhost:8080 https://target.example

ZAP_API_KEY is the key of ZAP's API, if it wants one. Only scan what you may.
"""

import os
import sys

from polling import Service, pause, place, tell, usage

RISKS = {"High": "high", "Medium": "medium", "Low": "low", "Informational": "info"}
PAGE = 500


def alerts(zap, target, first):
    """Tells the alerts from the `first` on; returns how many there are now."""
    while True:
        page = zap.get("/JSON/alert/view/alerts/", baseurl=target, start=first, count=PAGE)["alerts"]
        for alert in page:
            tell("vulnerabilityFound", template=alert.get("alertRef") or alert.get("pluginId"),
                 name=alert.get("name") or alert.get("alert"), severity=RISKS.get(alert.get("risk"), "unknown"),
                 **place(alert["url"]), method=alert.get("method"), parameter=alert.get("param"),
                 attack=alert.get("attack"), evidence=alert.get("evidence"),
                 cwe=[f"CWE-{alert['cweid']}"] if alert.get("cweid", "-1") not in ("-1", "0", "") else [],
                 description=alert.get("description"), remediation=alert.get("solution"))
        first += len(page)
        if len(page) < PAGE:
            return first


def phase(zap, target, name, component, told):
    """Runs one of ZAP's scans to its end; returns how many alerts were told."""
    tell("phaseStarted", phase=name)
    scan = zap.get(f"/JSON/{component}/action/scan/", url=target)["scan"]
    while True:
        percent = int(zap.get(f"/JSON/{component}/view/status/", scanId=scan)["status"])
        told = alerts(zap, target, told)
        tell("scanProgress", phase=name, percent=percent)
        if percent >= 100:
            return told
        pause()


def main():
    if len(sys.argv) != 3:
        usage("zap.py ZAP-URL TARGET")
    zap = Service(sys.argv[1], **{"X-ZAP-API-Key": os.environ.get("ZAP_API_KEY")})
    target = sys.argv[2]
    told = phase(zap, target, "spider", "spider", 0)
    # What the spider found is judged in passing.
    while int(zap.get("/JSON/pscan/view/recordsToScan/")["recordsToScan"]) > 0:
        pause()
    phase(zap, target, "active scan", "ascan", alerts(zap, target, told))


main()
