"""Threads that died or hang: the run they were part of has shown nothing."""

import threading
import time
import traceback

_deaths = []


def _died(what):
    if what.exc_type is not SystemExit:
        place = traceback.extract_tb(what.exc_traceback)[-1]
        name = what.thread.name if what.thread else "?"
        _deaths.append(f"{name} died at {place.filename.rsplit('/', 1)[-1]}:{place.lineno}: {what.exc_value!r}")


threading.excepthook = _died


def deaths():
    """Those that have died since the process began, in words."""
    return list(_deaths)


def joined(threads, seconds):
    """Waits so long for all of these threads together; those that go on, in words."""
    end = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0, end - time.monotonic()))
    return [f"{thread.name} does not end" for thread in threads if thread.is_alive()]


def ended(status):
    """A program's exit status, which is 1 where a thread died."""
    for death in _deaths[:20]:
        print("  FAILED:", death, flush=True)
    return 1 if _deaths else status
