#!/usr/bin/env python3
"""A task of Greenbone (gvmd), started and followed over its socket: results while they come, and the progress.

    GVM_USER=admin GVM_PASSWORD=… sluice run --scan weekly -- python3 gvm.py /run/gvmd/gvmd.sock TASK-ID

It speaks GMP, which is XML without a frame around it. Only scan what you may.
"""

import os
import socket
import sys
import xml.etree.ElementTree as ElementTree
from xml.sax.saxutils import escape, quoteattr

from polling import pause, tell, usage

PAGE = 100
THREATS = {"Critical": "critical", "High": "high", "Medium": "medium", "Low": "low", "Log": "info"}


class Manager:
    """A connection to gvmd."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(300)
        self.socket.connect(path)

    def ask(self, command):
        """Sends a command, and reads until its answer is whole.

        It is, where it ends like an element and can be read: a parser that is fed piece by piece may keep the last
        one to itself (expat since 2.6, and older ones that were mended).
        """
        self.socket.sendall(command.encode())
        answer = b""
        while True:
            data = self.socket.recv(65536)
            if not data:
                raise SystemExit("gvmd closed the connection")
            answer += data
            if not answer[-16:].rstrip().endswith(b">"):
                continue
            try:
                element = ElementTree.fromstring(answer)
            except ElementTree.ParseError:
                continue
            if not element.get("status", "").startswith("2"):
                raise SystemExit(f"{element.tag}: {element.get('status')} {element.get('status_text')}")
            return element


def number(text):
    try:
        return float(text)
    except (TypeError, ValueError):
        return None


def results(manager, report, first):
    """Tells the results from the `first` on, which counts from 1; returns where to go on."""
    while True:
        query = f"report_id={report} first={first} rows={PAGE} sort=created min_qod=0 levels=chmlg"
        page = manager.ask(f"<get_results filter={quoteattr(query)} details=\"1\"/>").findall("result")
        for result in page:
            nvt = result.find("nvt")
            port, _, protocol = (result.findtext("port") or "").partition("/")
            host = result.find("host")
            tell("vulnerabilityFound", template=nvt.get("oid"), name=result.findtext("name"),
                 severity=THREATS.get(result.findtext("threat"), "unknown"),
                 ip=(host.text or "").strip() if host is not None else None, hostname=result.findtext("host/hostname"),
                 port=int(port) if port.isdigit() else None, protocol=protocol, cvss=number(result.findtext("severity")),
                 cve=[ref.get("id") for ref in nvt.iterfind("refs/ref") if ref.get("type") == "cve"],
                 details=result.findtext("description"), remediation=nvt.findtext("solution"))
        first += len(page)
        if len(page) < PAGE:
            return first


def main():
    if len(sys.argv) != 3 or "GVM_USER" not in os.environ:
        usage("GVM_USER=… GVM_PASSWORD=… gvm.py SOCKET TASK-ID")
    manager = Manager(sys.argv[1])
    task = quoteattr(sys.argv[2])
    manager.ask(f"<authenticate><credentials><username>{escape(os.environ['GVM_USER'])}</username>"
                f"<password>{escape(os.environ.get('GVM_PASSWORD', ''))}</password></credentials></authenticate>")
    report = manager.ask(f"<start_task task_id={task}/>").findtext("report_id")
    tell("phaseStarted", phase="gvm")
    first = 1
    while True:
        state = manager.ask(f"<get_tasks task_id={task}/>").find("task")
        status = state.findtext("status")
        first = results(manager, report, first)
        percent = number(state.findtext("progress"))
        # A task that does not run has -1.
        tell("scanProgress", phase="gvm", percent=100 if status == "Done" else max(percent or 0, 0), status=status)
        if status in ("Done", "Stopped", "Interrupted"):
            break
        pause()
    if status != "Done":
        raise SystemExit(f"the task ended as {status}")


main()
