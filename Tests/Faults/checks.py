"""What the faults have in common: expectations, and how a list of them is run."""

import argparse
import shutil
import tempfile
import time

from deaths import ended


class Fault(Exception):
    """What should not have been."""


class PassedOver(Exception):
    """What cannot be tried on this machine, and why."""


def expect(condition, text):
    if not condition:
        raise Fault(text)


def wait_until(condition, text, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        expect(time.monotonic() < end, text)
        time.sleep(0.05)


def check_kept(gateway, scan, acknowledged):
    """Every acknowledged message stands in the history under its number."""
    found = {message["seq"]: message["n"] for message in gateway.messages(scan) if "n" in message}
    lost = [seq for seq, n in acknowledged.items() if found.get(seq) != n]
    expect(not lost, f"{len(lost)} acknowledged messages lost, first {lost[:5]}")


def post_one(gateway, scan, number, acknowledged, **members):
    """Posts a message and notes its acknowledgement; whether it was refused as it should be."""
    status, _, answer = gateway.post(scan, [{"type": "host", "n": number, **members}])
    if status == 202:
        acknowledged[answer["firstSeq"]] = number
        return False
    expect((status, answer["code"]) == (503, "storage_unavailable"), f"{status} {str(answer)[:200]}")
    return True


def recovers(gateway, scan, acknowledged, seconds=30):
    """The fault is over: without a restart all is well again, and what was acknowledged is there."""
    wait_until(lambda: gateway.admin("/readyz")[0] == 200, "it does not recover", seconds)
    wait_until(lambda: gateway.metric("sluice_storage_up") == 1, "the metric does not recover")
    expect(not post_one(gateway, scan, -1, acknowledged), "refused after recovery")
    check_kept(gateway, scan, acknowledged)


def restarts(gateway, scan, acknowledged):
    """After a kill everything acknowledged is there."""
    gateway.kill()
    gateway.start()
    check_kept(gateway, scan, acknowledged)


def run(faults, description):
    """Runs the faults of a file, or the one that --only names; the exit status."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--sluice", required=True)
    parser.add_argument("--only", choices=sorted(faults))
    options = parser.parse_args()
    status = 0
    for name, fault in faults.items():
        if options.only not in (None, name):
            continue
        folder = tempfile.mkdtemp(prefix=f"sluice-{name}-")
        try:
            print(f"{name}: {fault(options.sluice, folder)}", flush=True)
        except PassedOver as reason:
            print(f"{name}: passed over: {reason}", flush=True)
        except (Fault, RuntimeError, OSError) as error:
            status = 1
            print(f"{name}: FAILED: {error} (see {folder})", flush=True)
            continue
        shutil.rmtree(folder, ignore_errors=True)
    return ended(status)
