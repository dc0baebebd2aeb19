#!/usr/bin/env python3
"""What the gateway executes and allocates for a message, a delivery and a connection, counted, so that a busy machine
changes nothing but the time it takes: instructions by callgrind, allocations by a preloaded library (heap.c).

    Benchmarks/count.py [--json FILE] [PROGRAM]        PROGRAM: .build/release/sluice
    Benchmarks/count.py --check [PROGRAM]              fails over the limits of Benchmarks/counts.json
    Benchmarks/count.py --cases idle --sizes           the blocks of an idle connection, too

One event loop, no TLS unless the case is of it, log level error. The gateway starts, is warmed up, the work is done,
and the counts before and after it are compared: its start and its end count for nothing. Two runs differ by 1 to 3 %,
as timers fire more or less often.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True

from gateway import HERE, ROWS, STEP, HeapCount, InstructionCount, Readers, heap_library, read_heap, tools  # noqa: E402


def message(size):
    text = json.dumps({"type": "finding", "severity": "high", "host": "10.0.0.1", "pad": ""}, separators=(",", ":"))
    return text[:-2].encode() + b"x" * (size - len(text)) + b'"}'


def drain(streams, mark, count):
    """Reads until each of the streams got `count` messages."""
    for stream in streams:
        seen = 0
        while seen < count:
            data = stream.recv(1 << 20)
            assert data, "the gateway closed"
            seen += data.count(mark)


def post(gateway):
    stream = gateway.connect()
    gateway.posts(stream, 200, message(500))
    return gateway.counted(lambda: gateway.posts(stream, 1000, message(500))) / 1000


def array(gateway):
    stream = gateway.connect()
    body = b"[" + b",".join([message(500)] * 50) + b"]"
    gateway.posts(stream, 10, body)
    return gateway.counted(lambda: gateway.posts(stream, 40, body)) / 2000


def fanout(gateway, query, rounds=200, readers=50):
    stream = gateway.connect()
    gateway.posts(stream, 1, b'{"type":"start"}')
    streams = gateway.subscribers(readers, query)

    def work(rounds):
        for _ in range(rounds):
            gateway.posts(stream, 1, message(500))
            drain(streams, b'"pad"', 1)

    work(20)
    return gateway.counted(lambda: work(rounds)) / rounds / readers


def batched(gateway, readers=50):
    """Each post of ten messages goes out in one frame."""
    stream = gateway.connect()
    gateway.posts(stream, 1, b'{"type":"start"}')
    streams = gateway.subscribers(readers)
    body = b"[" + b",".join([message(500)] * 10) + b"]"

    def work(rounds):
        for _ in range(rounds):
            gateway.posts(stream, 1, body)
            drain(streams, b'"pad"', 10)

    work(5)
    return gateway.counted(lambda: work(50)) / 500 / readers


def idle(gateway, first=500, more=1000):
    """Subscribers that get nothing but heartbeats, which all had some of: what each holds, and by size of block."""
    stream = gateway.connect()
    gateway.posts(stream, 1, b'{"type":"start"}')
    stream.close()
    readers = Readers()
    readers.add(gateway.subscribers(first))
    readers.answer(2)
    _, bytes_before, blocks_before = gateway.heap()
    readers.add(gateway.subscribers(more))
    readers.answer(2)
    allocations, live_bytes, blocks = gateway.heap()
    sizes = {row * STEP: (now - before) / more for row, (now, before) in enumerate(zip(blocks, blocks_before))}
    pings = readers.answer(2)
    return {"bytes": (live_bytes - bytes_before) / more, "blocks": sum(sizes.values()),
            "heartbeat": (gateway.heap()[0] - allocations) / pings}, sizes


# The work, and the most frames a second for each subscriber.
WORK = {
    "post": (post, 10, "a POST of one message of 500 bytes"),
    "array": (array, 10, "a message in arrays of 50"),
    "frame": (lambda gateway: fanout(gateway, "?batch=off"), 0, "a message in a frame of its own, one of 50 readers"),
    "batched": (batched, 0, "a message in batches of 10, one of 50 readers"),
}
IDLE = {
    "bytes": ("bytes of heap", "an idle connection"),
    "blocks": ("blocks of heap", "an idle connection"),
    "heartbeat": ("allocations", "a heartbeat of an idle connection"),
}


def show_sizes(sizes):
    for size, blocks in sizes.items():
        if blocks >= 0.05:
            # The C library rounds up to 8 bytes more than a multiple of 16.
            print(f"    {blocks:6.2f} blocks of {f'{size + 8:,}' if size < STEP * (ROWS - 1) else 'more'} bytes")


def counts_of(case, folder, options):
    """The figures of a case: its name, its value, its unit and what it is of."""
    if case.startswith("idle"):
        secure = case == "idle-tls"
        gateway = HeapCount(folder, tls=secure)
        try:
            held, sizes = idle(gateway)
        finally:
            gateway.end()
        for name, value in held.items():
            unit, meaning = IDLE[name]
            yield name, value, unit, f"{meaning}{' over TLS' * secure}"
        if options.sizes:
            show_sizes(sizes)
        return
    work, frames, meaning = WORK[case]
    for kind, unit in ((InstructionCount, "instructions"), (HeapCount, "allocations")):
        if options.only in (None, unit):
            gateway = kind(folder, frames)
            try:
                yield unit, work(gateway), unit, meaning
            finally:
                gateway.end()


def over(case, name, value, limits):
    """What is to be said of a figure; each figure that is checked has a limit."""
    if value > limits[case][name]:
        yield f"{case}: {name} {value:,}, and may be {limits[case][name]:,}"


def self_test(folder):
    """Whether the allocations of a program that makes one of each kind are counted, and a limit is one."""
    heap_library(folder)
    program = """
        #include <malloc.h>
        #include <stdlib.h>
        int main(void) {
            char *kept[] = {malloc(100), calloc(5, 10), aligned_alloc(64, 640), malloc(400)};
            void *aligned;
            if (posix_memalign(&aligned, 4096, 4096)) return 1;
            kept[0] = realloc(kept[0], 1000);
            kept[1] = realloc(kept[1], 100);
            free(aligned);
            free(kept[2]);
            free(kept[3]);
            free(realloc(NULL, 0));
            return kept[0] == kept[1];
        }
    """
    subprocess.run(["cc", "-O0", "-x", "c", "-o", f"{folder}/known", "-"], input=program, text=True, check=True)
    environment = os.environ | {"LD_PRELOAD": f"{folder}/heap.so", "HEAP_COUNTS": f"{folder}/heap"}
    subprocess.run([f"{folder}/known"], env=environment, check=True)
    allocations, live_bytes, blocks = read_heap(f"{folder}/heap")
    assert allocations == 8, allocations
    assert sum(blocks) == 2 and 1100 <= live_bytes <= 1150, (live_bytes, blocks)
    limits = {"post": {"allocations": 24}}
    assert not list(over("post", "allocations", 24, limits)) and list(over("post", "allocations", 24.5, limits))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", nargs="?", default=".build/release/sluice")
    parser.add_argument("--check", action="store_true", help="fail over the limits of counts.json")
    parser.add_argument("--json", metavar="FILE", help="write the counts here")
    parser.add_argument("--cases", default=",".join([*WORK, "idle", "idle-tls"]))
    parser.add_argument("--only", choices=["instructions", "allocations"], help="of the cases of messages")
    parser.add_argument("--sizes", action="store_true", help="with an idle connection, what blocks it holds")
    parser.add_argument("--self-test", action="store_true", help="whether a known program's allocations are counted")
    options = parser.parse_args()
    limits = json.loads((HERE / "counts.json").read_text()) if options.check else {}
    counts, found = {}, []
    with tempfile.TemporaryDirectory() as folder:
        if options.self_test:
            self_test(folder)
            return 0
        tools(options.program, folder)
        for case in options.cases.split(","):
            counts[case] = {}
            for name, value, unit, meaning in counts_of(case, folder, options):
                # Of small numbers a part counts: a delivery has less than one allocation.
                counts[case][name] = round(value) if value >= 1000 else round(value, 2)
                print(f"{case:10} {counts[case][name]:10,} {unit}: {meaning}", flush=True)
                if options.check:
                    found += over(case, name, counts[case][name], limits)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(counts, indent=4) + "\n")
    for line in found:
        print(f"over the limit: {line}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
