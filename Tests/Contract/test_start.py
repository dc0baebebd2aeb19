"""What an operator is told at the start: what stands in its way, and what is possible and unwise."""

import datetime
import json
import shutil

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from conftest import wait_for
from test_config import GOOD, check, folder, sluice  # noqa: F401


def test_a_port_that_is_taken(make_gateway, folder):
    gateway = make_gateway()
    (folder / "config.yaml").write_text(GOOD.replace("port: 0 }", f"port: {gateway.port} }}", 1))
    result = sluice("serve", "--config", "config.yaml", folder=folder)
    line = result.stderr.splitlines()[-1]
    assert result.returncode == 1 and line.startswith(f"sluice: cannot start: 127.0.0.1:{gateway.port} is in use"), line
    assert "listen.port" in line
    result = sluice("serve", "--config", "config.yaml", folder=folder, SLUICE_LOG__FORMAT="json")
    events = [json.loads(line) for line in result.stderr.splitlines()]
    assert result.returncode == 1 and events[-1]["message"] == "cannot start" and events[-1]["level"] == "critical"
    assert events[-1]["error"].startswith(f"127.0.0.1:{gateway.port} is in use")
    result = sluice("serve", "--config", "config.yaml", folder=folder, SLUICE_LISTEN__PORT="0",
                    SLUICE_ADMIN__PORT=str(gateway.admin_port))
    line = result.stderr.splitlines()[-1]
    assert result.returncode == 1 and f" 127.0.0.1:{gateway.admin_port} is in use" in line and "admin.port" in line


@pytest.mark.parametrize("host", ["192.0.2.77", "no-such-host.invalid", "::1%nowhere"])
def test_a_host_that_cannot_be_listened_on(folder, host):
    (folder / "config.yaml").write_text(GOOD)
    result = sluice("serve", "--config", "config.yaml", folder=folder, SLUICE_LISTEN__HOST=host)
    line = result.stderr.splitlines()[-1]
    assert result.returncode == 1 and line.startswith("sluice: cannot start: ") and host in line, line
    assert "listen.host" in line


def test_what_is_unwise_is_told_by_check_and_by_serve(make_gateway, folder):
    # By the gateway's own key, and long over.
    key = serialization.load_pem_private_key((folder / "gateway.key").read_bytes(), None)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "old")])
    old = x509.CertificateBuilder(name, name, key.public_key(), 1, datetime.datetime(2020, 1, 1),
                                  datetime.datetime(2020, 2, 1)).sign(key, hashes.SHA256())
    (folder / "gateway.crt").write_bytes(old.public_bytes(serialization.Encoding.PEM))
    unwise = {"SLUICE_ADMIN__HOST": "0.0.0.0", "SLUICE_STORAGE__PATH": "data",
              "SLUICE_LIMITS__CONNECTIONS__TOTAL": "900000000"}
    gateway = make_gateway(folder=folder, environment=unwise)
    shutil.rmtree(folder / "data")
    checked = sluice("check", "--config", "config.yaml", folder=folder, **unwise)
    assert checked.returncode == 0 and not (folder / "data").exists()
    for log in (checked.stderr, gateway.log().replace(str(folder) + "/", "")):
        for text in ("tls.certificate: ", "ended on 2020-02-01", "SLUICE_ADMIN__HOST: 0.0.0.0 can be reached",
                     "SLUICE_STORAGE__PATH: there is no folder",
                     "SLUICE_LIMITS__CONNECTIONS__TOTAL: 900000000 connections need about"):
            assert text in log, (text, log)
    before = gateway.log().count("ended on 2020-02-01")
    gateway.reload()
    wait_for(lambda: gateway.log().count("ended on 2020-02-01") == before + 1)


def test_service_links_of_kubernetes_are_told_as_such(folder):
    result = check(folder, GOOD, SLUICE_PORT_8443_TCP="tcp://10.96.0.7:8443", SLUICE_SERVICE_HOST="10.96.0.7")
    assert result.returncode == 78 and result.stderr.count("enableServiceLinks: false") == 2, result.stderr
