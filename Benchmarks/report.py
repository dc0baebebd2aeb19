#!/usr/bin/env python3
"""Prints the results of the benchmarks as a table, keeps them as JSON, and fails over the thresholds."""
import itertools
import json
import statistics
import sys

COLUMNS = [
    ("case", "case", "{}"),
    ("runs", "runs", "{}"),
    ("cpu_us_per_message", "CPU µs/message", "{:.2f}"),
    ("cpu_us_beyond_idle", "without idle", "{:.2f}"),
    ("idle_cores", "idle cores", "{:.3f}"),
    ("cpu_us_per_frame", "CPU µs/frame", "{:.2f}"),
    ("cpu_us_per_post", "CPU µs/POST", "{:.2f}"),
    ("posts_per_second", "POSTs/s", "{:.0f}"),
    ("kib_per_connection", "KiB/connection", "{:.1f}"),
    ("bytes_per_message", "bytes/message", "{:.0f}"),
    ("ratio", "sent/raw", "{:.3f}"),
    ("delivered_share", "delivered", "{:.3f}"),
    ("p50_ms", "p50 ms", "{:.1f}"),
    ("p99_ms", "p99 ms", "{:.1f}"),
    ("critical_p50_ms", "p50 critical", "{:.1f}"),
    ("critical_p99_ms", "p99 critical", "{:.1f}"),
    ("fell_behind", "fell behind", "{:.0f}"),
    ("rss_scans_kib", "RSS KiB: scans", "{:.0f}"),
    ("rss_idle_kib", "subscribers", "{:.0f}"),
    ("rss_after_messages_kib", "messages", "{:.0f}"),
    ("rss_after_quiet_kib", "quiet", "{:.0f}"),
    ("compressor_kib", "compressors KiB", "{:.0f}"),
    ("compressor_kib_after_quiet", "after quiet", "{:.0f}"),
    ("compressors_refused", "refused", "{:.0f}"),
    ("rss_before_kib", "RSS KiB: before", "{:.0f}"),
    ("rss_kib", "at end", "{:.0f}"),
    ("server_cores", "server cores", "{:.2f}"),
    ("load_cores", "load cores", "{:.2f}"),
    ("load_average", "machine's load", "{:.1f}"),
]


def medians(runs):
    """One result for each case: the median of each number over its runs."""
    for name in dict.fromkeys(run["case"] for run in runs):
        ours = [run for run in runs if run["case"] == name]
        numbers = [key for key in ours[0] if key != "case"]
        yield {"case": name, "runs": len(ours)} | {
            key: statistics.median(run[key] for run in ours) for key in numbers
        }


def columns_of(result):
    return [column for column in COLUMNS if column[0] in result]


def table(results):
    """The lines of a table of results that all have the same figures."""
    columns = columns_of(results[0])
    rows = [[title for _, title, _ in columns]]
    for result in results:
        rows.append([form.format(result[key]) for key, _, form in columns])
    widths = [max(len(row[column]) for row in rows) for column in range(len(columns))]
    for row in rows:
        yield "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths))
        ).rstrip()


def tables(results):
    for _, some in itertools.groupby(sorted(results, key=lambda r: len(columns_of(r))), key=columns_of):
        yield "\n".join(table(list(some)))


# What is compared with the floor, and by which figure.
WORK = {"post": "cpu_us_per_post", "frames-500": "cpu_us_per_frame", "batched-500": "cpu_us_per_message"}


def ratios(results):
    """For each kind of work that the floor did in the same run: each program's CPU, and how often the floor's it is."""
    known = {result["case"]: result for result in results}
    for how in ("-plain", ""):
        for work, figure in WORK.items():
            floor = known.get(f"floor-{'frames-500' if work == 'batched-500' else work}{how}")
            if floor is None:
                continue
            base = floor["cpu_us_per_post" if work == "post" else "cpu_us_per_frame"]
            shown = [f"floor {base:.2f}"]
            for program, name in (("nchan-", "Nchan"), ("uws-", "uWebSockets"), ("one-", "sluice")):
                result = known.get(f"{program}{work}{how}")
                if result is not None:
                    shown.append(f"{name} {result[figure]:.2f} ({result[figure] / base:.2f})")
            if len(shown) == 1:
                continue
            yield f"{work}{how or ', TLS'}, µs (times floor): {', '.join(shown)}"


def main():
    lines, thresholds, kept = sys.argv[1:4]
    with open(lines, encoding="utf-8") as file:
        runs = [json.loads(line) for line in file]
    results = list(medians(runs))
    with open(thresholds, encoding="utf-8") as file:
        limits = json.load(file)
    print("\n\n".join(tables(results)))
    compared = list(ratios(results))
    if compared:
        print("\n" + "\n".join(compared))
    over = [
        f"{result['case']}: {key} is {result[key]:.2f}, and may be {limit:.2f}"
        for result in results
        for key, limit in limits.get(result["case"], {}).items()
        if result[key] > limit
    ]
    with open(kept, "w", encoding="utf-8") as file:
        json.dump({"results": results, "runs": runs, "over": over}, file, indent=4)
        file.write("\n")
    for line in over:
        print(f"over the threshold: {line}", file=sys.stderr)
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
