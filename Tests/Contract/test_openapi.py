"""docs/api/openapi.yaml: valid, complete, and true of a running gateway, for what it allows and for what it does not."""

import json
import pathlib

import hypothesis
import pytest
import schemathesis
import yaml
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis.checks import load_all_checks

from conftest import is_problem

API = pathlib.Path(__file__).parents[2] / "docs/api"
DOCUMENT = yaml.safe_load((API / "openapi.yaml").read_text())
# Few and always the same: a test that fails now and then helps nobody.
BOUNDED = hypothesis.settings(max_examples=15, derandomize=True, deadline=None, database=None, phases=[
    hypothesis.Phase.explicit, hypothesis.Phase.generate], suppress_health_check=list(hypothesis.HealthCheck))

load_all_checks()
schema = schemathesis.openapi.from_dict(DOCUMENT)
schema.config.generation.allow_x00 = False
schema.config.seed = 1
# TRACE is 501 everywhere: RFC 9110, section 15.6.2.
schema.config.phases.coverage.unexpected_methods = {"get", "put", "post", "delete", "patch"}
# Event streams stay open, see below.
requests = schema.exclude(operation_id="followScan")


@schemathesis.serializer("application/x-ndjson")
def lines(_, value):
    if not isinstance(value, list):
        return json.dumps(value).encode()
    return b"".join(json.dumps(element).encode() + b"\n" for element in value)


def test_the_document_is_valid():
    OpenAPIV31SpecValidator(DOCUMENT).validate()


@requests.parametrize()
@BOUNDED
def test_answers_are_what_the_document_says(case, gateway):
    case.headers["Authorization"] = f"Bearer {gateway.token('root', roles=['admin'], scope='ingest', scans=['*'])}"
    case.call_and_validate(
        base_url=gateway.url, verify=gateway.ca,
        # The token is always there; what is said without one stands below. And a schema cannot say all that is refused:
        # bytes instead of characters, names that are taken, keys that came before.
        excluded_checks=schemathesis.checks.CHECKS.get_by_names([
            "ignored_auth", "missing_required_header", "positive_data_acceptance", "negative_data_rejection"]))


@pytest.mark.parametrize("path, method", [
    (path, method) for path, item in DOCUMENT["paths"].items() for method in item if method != "parameters"])
def test_every_operation_is_there(gateway, scan, path, method):
    """Without a token each says so, but those that need none."""
    target = path.replace("{scanId}", scan).replace("{sub}", "nobody").replace("{name}", "none").replace("{id}", "1")
    body = b'{"type":"a"}' if method in ("post", "put") else None
    answer = gateway.request(method.upper(), target, body, {"Content-Type": "application/json"})
    if path == "/healthz":
        assert answer.status == 200
    elif DOCUMENT["paths"][path][method].get("security") == []:
        is_problem(answer, 400, "invalid_body")
    else:
        is_problem(answer, 401, "missing_token")
    other = gateway.request("PATCH", target, b"", token=gateway.admin())
    is_problem(other, 405, "method_not_allowed")


def test_event_streams_are_what_the_document_says(gateway, scan):
    operation = DOCUMENT["paths"]["/api/scans/{scanId}/events"]["get"]
    known = {parameter["name"] for parameter in operation["parameters"] if "name" in parameter} | {"filters"}
    assert known == {"since", "epoch", "filters", "rate", "wait", "times", "events", "Last-Event-ID"}
    gateway.post(scan, [{"type": "scanCompleted"}])
    connection = gateway.connection()
    connection.request("GET", f"/api/scans/{scan}/events?since=0&times=true&events=message&rate=5&wait=1&filters=a,b",
                       headers={"Authorization": f"Bearer {gateway.reader()}"})
    answer = connection.getresponse()
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/event-stream")
    connection.close()
    is_problem(gateway.get(f"/api/scans/{scan}/events?rate=0", gateway.reader()), 400, "invalid_parameter")
    is_problem(gateway.get(f"/api/scans/{scan}-none/events", gateway.reader()), 404, "scan_not_found")
