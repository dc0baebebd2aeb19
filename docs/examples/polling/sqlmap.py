#!/usr/bin/env python3
"""A scan by a running sqlmapapi: its log as lines, and what can be injected.

    python3 sqlmapapi.py -s &
    sluice run --scan login -- python3 sqlmap.py http://127.0.0.1:8775 'https://target.example/?id=1' level=2

Further arguments are options of sqlmap, as its API names them. Only scan what you may.
"""

import json
import sys

from polling import Service, pause, place, tell, usage

# Of the kinds of content in sqlmap's data, the one that lists techniques.
TECHNIQUES = 1


def option(text):
    """`level=2` as a name and a value: a number or a truth value where it can be one."""
    name, _, value = text.partition("=")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def findings(target, data):
    for entry in data:
        if entry["type"] != TECHNIQUES:
            continue
        for point in entry["value"]:
            for technique in point.get("data", {}).values():
                tell("vulnerabilityFound", template="sql-injection", name=technique["title"], severity="high",
                     **place(target), parameter=point.get("parameter"), method=point.get("place"), cwe=["CWE-89"],
                     attack=technique.get("payload"), tags=["sqli"] + ([point["dbms"]] if point.get("dbms") else []))


def main():
    if len(sys.argv) < 3:
        usage("sqlmap.py API-URL TARGET [OPTION=VALUE…]")
    api, target = Service(sys.argv[1]), sys.argv[2]
    task = api.get("/task/new")["taskid"]
    try:
        started = api.post(f"/scan/{task}/start", {"url": target} | dict(option(text) for text in sys.argv[3:]))
        if not started.get("success"):
            raise SystemExit(f"sqlmap did not start: {started.get('message')}")
        tell("phaseStarted", phase="sqlmap")
        told = 0
        while True:
            status = api.get(f"/scan/{task}/status")
            log = api.get(f"/scan/{task}/log")["log"]
            for line in log[told:]:
                tell("line", text=f"[{line['time']}] [{line['level']}] {line['message']}")
            told = len(log)
            if status["status"] == "terminated":
                break
            pause()
        result = api.get(f"/scan/{task}/data")
        findings(target, result["data"])
        if status["returncode"] != 0 or result["error"]:
            raise SystemExit(f"sqlmap failed: {status['returncode']} {result['error']}")
    finally:
        api.get(f"/task/{task}/delete")


main()
