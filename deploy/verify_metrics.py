"""The alerts, their tests and entries, and the dashboard belong together, and speak of metrics that the gateway has.

    verify_metrics.py SCRATCH-FOLDER
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
TOP = HERE.parent
NAME = re.compile(r"\b((?:sluice|process)_[a-z0-9_]+)")
WIDTH = 24


def known_metrics():
    """What the gateway's page has: name to type, read where it is written."""
    text = "".join(path.read_text() for path in sorted((TOP / "Sources/SluiceServer/Admin").glob("MetricsText*.swift")))
    found = {}
    for kind, name in re.findall(r'self\.(counter|gauge|histogram)\(\s*"((?:sluice|process)_\w+)"', text):
        found[name] = kind
    for name, kind in re.findall(r'self\.samples\(\s*"(sluice_\w+)",\s*"(\w+)"', text):
        found[name] = kind
    assert len(found) > 60, "the metrics are no longer found where they are written"
    return found


def sample_names(metrics):
    """What an expression may name."""
    names = set()
    for name, kind in metrics.items():
        names |= {f"{name}_bucket", f"{name}_sum", f"{name}_count"} if kind == "histogram" else {name}
    return names


def check_names(expression, names, place):
    unknown = set(NAME.findall(expression)) - names
    assert not unknown, f"{place}: {', '.join(sorted(unknown))}: the gateway has no such metric"


def load(name):
    return yaml.safe_load((HERE / "prometheus" / name).read_text(encoding="utf-8"))


def check_alerts(names):
    """Every alert has a severity, texts, an entry in the docs, a test in which it fires and one in which it does not."""
    rules = [rule for group in load("sluice.rules.yaml")["groups"] for rule in group["rules"]]
    alerts = {rule["alert"]: rule for rule in rules}
    assert len(alerts) == len(rules), "an alert's name is given twice"
    page = (TOP / "docs/operations.md").read_text(encoding="utf-8")
    entries = set(re.findall(r"^### (Sluice\w+)$", page, re.M))
    assert entries == set(alerts), f"docs/operations.md: entries and alerts differ: {sorted(entries ^ set(alerts))}"
    fires, rests = set(), set()
    for test in load("sluice.test.yaml")["tests"]:
        for case in test["alert_rule_test"]:
            (fires if case["exp_alerts"] else rests).add(case["alertname"])
    for name, rule in alerts.items():
        assert rule["labels"]["severity"] in ("page", "ticket"), name
        assert rule["annotations"]["runbook"] == f"docs/operations.md#{name.lower()}", name
        assert rule["annotations"]["summary"] and rule["annotations"]["description"], name
        assert 'job="sluice"' in rule["expr"], f"{name}: of whatever job"
        assert name in fires, f"{name}: no test in which it fires"
        assert name in rests, f"{name}: no test in which it does not"
        check_names(rule["expr"], names, name)


def overlap(left, right):
    return (left["x"] < right["x"] + right["w"] and right["x"] < left["x"] + left["w"]
            and left["y"] < right["y"] + right["h"] and right["y"] < left["y"] + left["h"])


def check_dashboard(names):
    """Every panel has a place, a unit and words of its own; the expressions of all of them."""
    board = json.loads((HERE / "grafana/sluice.json").read_text(encoding="utf-8"))
    variables = {variable["name"] for variable in board["templating"]["list"]}
    assert variables == {"datasource", "job", "instance"}
    assert board["uid"] == "sluice" and board["title"] == "Sluice"
    panels = board["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels), "two panels have one id"
    expressions = [note["expr"] for note in board["annotations"]["list"]]
    for number, panel in enumerate(panels):
        place, title = panel["gridPos"], panel["title"]
        assert title and place["x"] + place["w"] <= WIDTH, title
        assert not any(overlap(place, other["gridPos"]) for other in panels[:number]), f"{title}: over another panel"
        if panel["type"] == "row":
            continue
        assert panel["description"] and panel["fieldConfig"]["defaults"]["unit"], title
        assert panel["datasource"]["uid"] == "${datasource}", f"{title}: bound to one data source"
        references = [target["refId"] for target in panel["targets"]]
        assert references and len(references) == len(set(references)), title
        expressions += [target["expr"] for target in panel["targets"]]
    for expression in expressions:
        check_names(expression, names, "dashboard")
        assert expression.count("{job=~\"$job\", instance=~\"$instance\"") >= 1, f"dashboard: of all gateways: {expression}"
    return expressions


def check_syntax(expressions, scratch):
    """Whether Prometheus can read the dashboard's expressions."""
    rules = []
    for number, expression in enumerate(expressions):
        for variable, value in (("$__rate_interval", "5m"), ("$__interval", "1m"), ("$job", "a"), ("$instance", "b")):
            expression = expression.replace(variable, value)
        rules.append({"record": f"dashboard:{number}", "expr": expression})
    file = scratch / "dashboard.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}), encoding="utf-8")
    result = subprocess.run(["promtool", "check", "rules", file], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def check_docs(metrics):
    """The operator's page has every metric, and no other."""
    page = (TOP / "docs/operations.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `((?:sluice|process)_\w+)(?:\{\w+\})?` \|", page, re.M))
    assert listed == set(metrics), f"docs/operations.md: metrics differ: {sorted(listed ^ set(metrics))}"


def main():
    metrics = known_metrics()
    names = sample_names(metrics)
    check_alerts(names | {"up"})
    expressions = check_dashboard(names)
    check_syntax(expressions, Path(sys.argv[1]))
    check_syntax_finds(Path(sys.argv[1]))
    check_docs(metrics)


def check_syntax_finds(scratch):
    """What cannot be read is found."""
    try:
        check_syntax(["sum(rate(x[5m])"], scratch)
    except AssertionError:
        return
    raise AssertionError("promtool finds nothing in a broken expression")


main()
