#!/usr/bin/env python3
"""Prints the results of the benchmarks as a table, keeps them as JSON, and fails over the thresholds."""
import json
import sys

COLUMNS = [
    ("case", "case", "{}"),
    ("cpu_us_per_message", "CPU µs/message", "{:.2f}"),
    ("cpu_us_per_frame", "CPU µs/frame", "{:.2f}"),
    ("cpu_us_per_post", "CPU µs/POST", "{:.2f}"),
    ("posts_per_second", "POSTs/s", "{:.0f}"),
    ("kib_per_connection", "KiB/connection", "{:.1f}"),
    ("bytes_per_message", "bytes/message", "{:.0f}"),
    ("ratio", "sent/raw", "{:.3f}"),
    ("delivered_share", "delivered", "{:.3f}"),
    ("server_cores", "server cores", "{:.2f}"),
    ("load_cores", "load cores", "{:.2f}"),
]


def table(results):
    rows = [[title for _, title, _ in COLUMNS]]
    for result in results:
        rows.append([form.format(result[key]) if key in result else "" for key, _, form in COLUMNS])
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    for row in rows:
        yield "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths))
        ).rstrip()


def main():
    lines, thresholds, kept = sys.argv[1:4]
    with open(lines, encoding="utf-8") as file:
        results = [json.loads(line) for line in file]
    with open(thresholds, encoding="utf-8") as file:
        limits = json.load(file)
    print("\n".join(table(results)))
    over = [
        f"{result['case']}: {key} is {result[key]:.2f}, and may be {limit:.2f}"
        for result in results
        for key, limit in limits.get(result["case"], {}).items()
        if result[key] > limit
    ]
    with open(kept, "w", encoding="utf-8") as file:
        json.dump({"results": results, "over": over}, file, indent=4)
        file.write("\n")
    for line in over:
        print(f"over the threshold: {line}", file=sys.stderr)
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
