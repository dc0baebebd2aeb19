"""Renders the Helm chart with Helm's own engine, and judges what comes out: by Kubernetes' schemas, and by what the
gateway asks for. Nothing is installed anywhere.
"""

from pathlib import Path

import helm_python
import kubernetes_validate
import yaml

CHART = Path(__file__).resolve().parent / "helm/sluice"
VERSIONS = ("1.29", "1.36")
VARIANTS = {
    "as it is": {},
    "without storage": {"persistence": {"enabled": False}},
    "behind a proxy": {"tlsSecret": None, "config": {"listen": {"plaintext": True, "port": 8080}, "tls": None}},
    "with everything": {
        "persistence": {"storageClass": "fast"},
        "imagePullSecrets": [{"name": "registry"}],
        "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
        "service": {"type": "LoadBalancer", "annotations": {"a": "b"}},
        "networkPolicy": {"clients": [{"ipBlock": {"cidr": "192.0.2.0/24"}}],
                          "egress": [{"ports": [{"port": 443, "protocol": "TCP"}]}]},
        "podAnnotations": {"a": "b"}, "nodeSelector": {"a": "b"},
        "tolerations": [{"key": "a", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
    },
}
NATS = {"engine": {"nats": {"servers": ["tls://nats:4222"], "user": "sluice", "password_file": "secrets/nats",
                            "tls": {"ca": "secrets/nats-ca.crt"}}}}
VARIANTS["several over NATS"] = {
    "replicas": 3, "config": NATS, "persistence": {"enabled": False},
    "networkPolicy": {"egress": [{"ports": [{"port": 4222, "protocol": "TCP"}]}]},
}
# Values that the chart must refuse.
REFUSED = [{"replicas": 2}, {"config": NATS}, {"replicas": 0}, {"service": {"type": "ExternalName"}}, {"config": {"listen": {"port": 443}}}]


def rendered(values):
    with helm_python.Chart.load(str(CHART)) as chart:
        texts = chart.render(values, name="demo", namespace="prod").values()
        return [part for text in texts for part in yaml.safe_load_all(text) if part]


def only(parts, kind):
    return next(part for part in parts if part["kind"] == kind)


def check_schemas(parts, name):
    for part in parts:
        # The Prometheus operator's own kind is in no release of Kubernetes.
        if part["kind"] != "ServiceMonitor":
            for version in VERSIONS:
                kubernetes_validate.validate(part, version, strict=True)
        assert part["metadata"]["labels"]["app.kubernetes.io/instance"] == "demo", f"{name}: {part['kind']}"


def check_pod(parts, name):
    """What a gateway needs, and what it does not get."""
    owner = only(parts, "StatefulSet")["spec"]
    pod = owner["template"]["spec"]
    container = pod["containers"][0]
    assert pod["enableServiceLinks"] is False, name
    assert pod["automountServiceAccountToken"] is False and pod["securityContext"]["runAsNonRoot"], name
    assert container["securityContext"] == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                                            "capabilities": {"drop": ["ALL"]}}, name
    paths = {probe: container[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert paths == {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}, name
    config = yaml.safe_load(only(parts, "ConfigMap")["data"]["config.yaml"])
    nats = config.get("engine", {}).get("nats", {})
    assert owner["replicas"] == (3 if nats else 1), name
    # Names of their own, and not all on one machine.
    names = [variable["name"] for variable in container.get("env", [])]
    assert names == (["SLUICE_NODE__NAME"] if nats else []), name
    assert ("topologySpreadConstraints" in pod) == (owner["replicas"] > 1), name
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"public": config["listen"]["port"], "admin": config["admin"]["port"]}, name
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert ("state" in mounts) == ("storage" in config), f"{name}: storage without a volume, or the reverse"
    grace = int(config["shutdown"]["grace"].removesuffix("s"))
    pause = int(container["lifecycle"]["preStop"]["exec"]["command"][1])
    assert pod["terminationGracePeriodSeconds"] > grace + pause, name
    # Every file that the configuration names exists.
    sources = pod["volumes"][0]["projected"]["sources"]
    files = {item["path"] for source in sources for item in source.get("secret", {}).get("items", [])}
    named = {key["secret_file"] for key in config["auth"]["keys"]}
    named |= {nats[key] for key in ("credentials", "password_file") if nats.get(key)} | set(nats.get("tls", {}).values())
    if not config["listen"].get("plaintext"):
        named |= {config["tls"]["certificate"], config["tls"]["private_key"]}
    assert named == files, f"{name}: {named ^ files}"


def check_reach(parts, name):
    """Metrics are for the monitoring; the budget, the services and the policy mean these pods."""
    labels = only(parts, "StatefulSet")["spec"]["template"]["metadata"]["labels"]
    selectors = [part["spec"]["selector"] for part in parts if part["kind"] == "Service"]
    selectors.append(only(parts, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"])
    policy = only(parts, "NetworkPolicy")["spec"]
    selectors.append(policy["podSelector"]["matchLabels"])
    for selector in selectors:
        assert selector.items() <= labels.items(), name
    admin = [rule for rule in policy["ingress"] if rule["ports"][0]["port"] == 9464]
    assert len(admin) == 1 and admin[0]["from"], f"{name}: metrics for everybody"
    public = next(part for part in parts if part["kind"] == "Service" and part["metadata"]["name"] == "demo-sluice")
    assert [port["targetPort"] for port in public["spec"]["ports"]] == ["public"], f"{name}: metrics are published"


def main():
    report = helm_python.lint(str(CHART), strict=True)
    problems = [found for found in report["messages"] if found["severity"] > 1]
    assert report["total_charts_linted"] == 1 and not problems and not report["errors"], report
    for name, values in VARIANTS.items():
        parts = rendered(values)
        check_schemas(parts, name)
        check_pod(parts, name)
        check_reach(parts, name)
    assert any(part["kind"] == "ServiceMonitor" for part in rendered(VARIANTS["with everything"]))
    for values in REFUSED:
        try:
            rendered(values)
        except helm_python.HelmError:
            continue
        raise AssertionError(f"taken: {values}")


main()
