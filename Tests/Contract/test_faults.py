"""The programs of Tests/Faults: a part of one that dies or hangs fails the run."""

import pathlib
import subprocess
import sys

import pytest

FAULTS = pathlib.Path(__file__).parents[1] / "Faults"


def run(program):
    return subprocess.run([sys.executable, "-c", program], cwd=FAULTS, capture_output=True, text=True, timeout=60)


def test_a_dead_thread_fails_a_run():
    done = run("""
import sys, threading
from deaths import ended
thread = threading.Thread(target=lambda: {}["nothing"], name="reader")
thread.start()
thread.join()
sys.exit(ended(0))
""")
    assert done.returncode == 1 and "FAILED: reader died at <string>:4: KeyError('nothing')" in done.stdout
    assert run("import sys\nfrom deaths import ended\nsys.exit(ended(0))").returncode == 0


def test_a_producer_that_dies_or_hangs_is_a_problem_of_its_run():
    done = run("""
import sys, threading, deaths, ledger

class Gateway:
    token = ""
    def connect(self, timeout): raise OSError
    def post(self, *_): raise TypeError("what no client expects")

class Working(Gateway):
    def connect(self, timeout): return None

class Hanging(ledger.Producer):
    def run(self): threading.Event().wait()

ledger.joined = lambda threads, seconds: deaths.joined(threads, min(seconds, 1))
producers = [ledger.Producer(Working(), "a", 1000, 1), Hanging(Gateway(), "b", 1, 1)]
subscribers = [ledger.Subscriber(Gateway(), scan) for scan in "ab"]
for thread in producers + subscribers:
    thread.start()
problems = ledger.settle(producers, subscribers)
assert len(problems) == 1 and problems[0].endswith("does not end"), problems
assert len(deaths.deaths()) == 1 and "what no client expects" in deaths.deaths()[0], deaths.deaths()
sys.exit(deaths.ended(0))
""")
    assert done.returncode == 1, done.stderr


@pytest.mark.parametrize("program", sorted(FAULTS.glob("*.py")), ids=lambda path: path.name)
def test_every_program_looks_at_its_threads(program):
    text = program.read_text()
    if "sys.exit(" in text:
        assert "sys.exit(ended(" in text or "sys.exit(run(" in text
