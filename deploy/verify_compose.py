"""Reads compose/compose.yaml as Compose would, and looks whether what it names is there and out of others' reach."""

import json
from pathlib import Path

import compose_spec
import yaml

FOLDER = Path(__file__).resolve().parent / "compose"
# The user makes this file before the first start.
SECRETS = FOLDER / "secrets"


def check_service(name, service):
    assert service["read_only"] and service["cap_drop"] == ["ALL"], f"{name}: is not restricted"
    assert service["security_opt"] == ["no-new-privileges:true"] and service["mem_limit"], name
    assert not service["image"].endswith(":latest") and ":" in service["image"], f"{name}: of any version"
    for port in service.get("ports", []):
        assert port.startswith("127.0.0.1:"), f"{name}: {port} is for everybody"
    for volume in service.get("volumes", []):
        source, mode = volume.partition(":")[0], volume.rpartition(":")[2]
        if source.startswith("."):
            path = (FOLDER / source).resolve()
            assert path == SECRETS or path.exists(), f"{name}: there is no {source}"
            assert mode == "ro", f"{name}: may write {source}"


def main():
    # Unlike Compose, this reader does not know `<<`.
    project = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
    text = yaml.safe_dump(project)
    parsed = compose_spec.PyCompose.from_yaml(text)
    parsed.validate()
    services = project["services"]
    assert set(parsed.service_names()) == set(services) == {"gateway", "scanner", "prometheus", "grafana"}
    for name, service in services.items():
        check_service(name, service)
    build = services["gateway"]["build"]
    assert (FOLDER / build["context"] / build["dockerfile"]).exists()
    config = yaml.safe_load((FOLDER / "config.yaml").read_text())
    assert services["gateway"]["ports"] == [f"127.0.0.1:8080:{config['listen']['port']}"]
    assert services["scanner"]["environment"]["SLUICE_URL"] == f"http://gateway:{config['listen']['port']}"
    targets = yaml.safe_load((FOLDER / "prometheus.yaml").read_text())["scrape_configs"][0]["static_configs"][0]["targets"]
    assert targets == [f"gateway:{config['admin']['port']}"]
    # A misspelt key is found.
    try:
        compose_spec.PyCompose.from_yaml(text.replace(" build:", " biuld:", 1))
    except Exception:  # noqa: BLE001 - the parser has no name for its errors
        return
    raise AssertionError("a misspelt key is taken: " + json.dumps(build))


main()
