"""Reads compose/compose.yaml as Compose would, and looks whether what it names is there and out of others' reach."""

import json
from pathlib import Path

import compose_spec
import yaml

FOLDER = Path(__file__).resolve().parent / "compose"
CLUSTER = Path(__file__).resolve().parent / "cluster"


def check_service(folder, name, service):
    assert service["read_only"] and service["cap_drop"] == ["ALL"], f"{name}: is not restricted"
    assert service["security_opt"] == ["no-new-privileges:true"] and service["mem_limit"], name
    assert not service["image"].endswith(":latest") and ":" in service["image"], f"{name}: of any version"
    for port in service.get("ports", []):
        assert port.startswith("127.0.0.1:"), f"{name}: {port} is for everybody"
    for volume in service.get("volumes", []):
        source, mode = volume.partition(":")[0], volume.rpartition(":")[2]
        if source.startswith("."):
            path = (folder / source).resolve()
            # The user makes the secrets before the first start.
            assert path == folder / "secrets" or path.exists(), f"{name}: there is no {source}"
            assert mode == "ro", f"{name}: may write {source}"


def check_cluster():
    """Three gateways, three servers, and a balancer that knows them."""
    project = yaml.safe_load((CLUSTER / "compose.yaml").read_text(encoding="utf-8"))
    compose_spec.PyCompose.from_yaml(yaml.safe_dump(project)).validate()
    services = project["services"]
    numbers = (1, 2, 3)
    assert set(services) == {f"{kind}-{number}" for kind in ("nats", "gateway") for number in numbers} | {"balancer"}
    for name, service in services.items():
        check_service(CLUSTER, name, service)
    config = yaml.safe_load((CLUSTER / "compose-gateway.yaml").read_text())
    assert config["engine"]["nats"]["servers"] == [f"nats://nats-{number}:4222" for number in numbers]
    nats, balancer = (CLUSTER / "compose-nats.conf").read_text(), (CLUSTER / "compose-haproxy.cfg").read_text()
    port, admin = config["listen"]["port"], config["admin"]["port"]
    for number in numbers:
        assert services[f"gateway-{number}"]["environment"] == {"SLUICE_NODE__NAME": f"gateway-{number}"}
        assert f"nats://nats-{number}:6222" in nats
        assert f"server gateway-{number} gateway-{number}:{port} check port {admin}" in balancer


def main():
    # Unlike Compose, this reader does not know `<<`.
    project = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
    text = yaml.safe_dump(project)
    parsed = compose_spec.PyCompose.from_yaml(text)
    parsed.validate()
    services = project["services"]
    assert set(parsed.service_names()) == set(services) == {"gateway", "scanner", "prometheus", "grafana"}
    for name, service in services.items():
        check_service(FOLDER, name, service)
    build = services["gateway"]["build"]
    assert (FOLDER / build["context"] / build["dockerfile"]).exists()
    config = yaml.safe_load((FOLDER / "config.yaml").read_text())
    assert services["gateway"]["ports"] == [f"127.0.0.1:8080:{config['listen']['port']}"]
    assert services["scanner"]["environment"]["SLUICE_URL"] == f"http://gateway:{config['listen']['port']}"
    targets = yaml.safe_load((FOLDER / "prometheus.yaml").read_text())["scrape_configs"][0]["static_configs"][0]["targets"]
    assert targets == [f"gateway:{config['admin']['port']}"]
    check_cluster()
    # A misspelt key is found.
    try:
        compose_spec.PyCompose.from_yaml(text.replace(" build:", " biuld:", 1))
    except Exception:  # noqa: BLE001 - the parser has no name for its errors
        return
    raise AssertionError("a misspelt key is taken: " + json.dumps(build))


main()
