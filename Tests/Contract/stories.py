"""Scans as they are in practice, made up: what nmap and nuclei say, in their order, the same for the same seed."""

import random

SERVICES = [(22, "ssh", "OpenSSH", "9.6p1"), (80, "http", "nginx", "1.24.0"), (443, "https", "nginx", "1.24.0"), (25, "smtp", "Postfix", ""),
            (3306, "mysql", "MySQL", "8.0.36"), (5432, "postgresql", "PostgreSQL", "15.6"), (6379, "redis", "Redis", "7.0.15"),
            (8080, "http-proxy", "Apache Tomcat", "9.0.71"), (8443, "https-alt", "Jetty", "11.0.18"), (3389, "ms-wbt-server", "", ""),
            (445, "microsoft-ds", "Samba smbd", "4.17.12"), (9200, "http", "Elasticsearch", "7.17.9")]

FINDINGS = [
    ("critical", "CVE-2021-44228", "Apache Log4j RCE (Log4Shell)", ["CVE-2021-44228"], 10.0, ["cve", "rce", "oast", "kev"], "/login?user=x"),
    ("critical", "CVE-2023-46604", "Apache ActiveMQ remote code execution", ["CVE-2023-46604"], 9.8, ["cve", "rce", "kev"], ""),
    ("critical", "default-redis-noauth", "Redis without authentication", [], 9.1, ["redis", "misconfig", "unauth"], ""),
    ("high", "CVE-2022-22965", "Spring Framework RCE via data binding (Spring4Shell)", ["CVE-2022-22965"], 8.8, ["cve", "rce", "spring"], "/"),
    ("high", "tomcat-default-login", "Apache Tomcat Manager default login", [], 8.3, ["tomcat", "default-login"], "/manager/html"),
    ("high", "git-config", "Git configuration exposed", [], 7.5, ["config", "git", "exposure"], "/.git/config"),
    ("high", "CVE-2024-6387", "OpenSSH regreSSHion: race condition in sshd", ["CVE-2024-6387"], 8.1, ["cve", "openssh"], ""),
    ("medium", "elasticsearch-open", "Elasticsearch cluster readable without a login", [], 5.3, ["elastic", "unauth"], "/_cat/indices"),
    ("medium", "weak-cipher-suites", "TLS offers weak cipher suites", [], 4.8, ["ssl", "tls"], ""),
    ("medium", "smb-signing-disabled", "SMB signing is not required", [], 5.9, ["smb", "network"], ""),
    ("medium", "CVE-2023-48795", "SSH Terrapin prefix truncation", ["CVE-2023-48795"], 5.9, ["cve", "ssh"], ""),
    ("low", "missing-csp", "Content-Security-Policy is missing", [], 3.1, ["headers", "misconfig"], "/"),
    ("low", "missing-hsts", "Strict-Transport-Security is missing", [], 3.0, ["headers", "misconfig"], "/"),
    ("low", "cookie-without-secure", "Session cookie without the Secure attribute", [], 2.6, ["cookie"], "/login"),
    ("info", "tech-detect", "Wappalyzer technology detection", [], None, ["tech"], "/"),
    ("info", "tls-version", "TLS version", [], None, ["ssl", "tls"], ""),
    ("info", "robots-txt", "robots.txt found", [], None, ["misc"], "/robots.txt"),
    ("info", "ssl-issuer", "Certificate issuer", [], None, ["ssl"], ""),
    ("info", "waf-detect", "WAF detection", [], None, ["waf", "misc"], "/"),
]
WEIGHTS = [1, 1, 1, 2, 2, 3, 2, 4, 7, 4, 5, 14, 14, 9, 26, 22, 10, 20, 6]


def story(seed=1, hosts=24, findings=180, network="10.20.30"):
    """The messages of a whole scan but for its end, in phases: discovery, ports, services, vulnerabilities."""
    rng = random.Random(seed)
    yield {"type": "scanStarted", "scanner": "nmap 7.94 + nuclei 3.2", "target": f"{network}.0/24"}
    yield {"type": "line", "text": f"Starting Nmap 7.94 ( https://nmap.org ) against {network}.0/24"}
    yield {"type": "phaseStarted", "phase": "Host discovery"}
    addresses = [f"{network}.{number}" for number in sorted(rng.sample(range(1, 254), hosts))]
    for index, address in enumerate(addresses):
        host = {"type": "hostDiscovered", "ip": address}
        if rng.random() < 0.6:
            host["hostname"] = rng.choice(["web", "db", "app", "mail", "ci", "files", "vpn"]) + f"-{index + 1:02}.corp.example"
        yield host
        yield {"type": "scanProgress", "phase": "Host discovery", "percent": round((index + 1) * 100 / hosts, 1)}
    yield {"type": "phaseStarted", "phase": "Port scan"}
    open_ports = []
    for index, address in enumerate(addresses):
        yield {"type": "line", "text": f"Nmap scan report for {address}"}
        for port, service, product, version in sorted(rng.sample(SERVICES, rng.randint(1, 5))):
            open_ports.append((address, port, service, product, version))
            yield {"type": "portFound", "ip": address, "port": port, "protocol": "tcp", "state": "open", "service": service}
            yield {"type": "line", "text": f"Discovered open port {port}/tcp on {address}"}
        yield {"type": "scanProgress", "phase": "Port scan", "percent": round((index + 1) * 100 / hosts, 1)}
    yield {"type": "phaseStarted", "phase": "Service detection"}
    for address, port, service, product, version in open_ports:
        if product:
            yield {"type": "serviceDetected", "ip": address, "port": port, "protocol": "tcp", "service": service, "product": product, "version": version}
    yield {"type": "phaseStarted", "phase": "Vulnerabilities"}
    for number in range(findings):
        severity, template, name, cves, cvss, tags, path = rng.choices(FINDINGS, WEIGHTS)[0]
        address, port, service, *_ = rng.choice(open_ports)
        scheme = "https" if port in (443, 8443) else "http"
        target = f"{scheme}://{address}:{port}{path}" if path else f"{address}:{port}"
        message = {"type": "vulnerabilityFound", "template": template, "name": name, "severity": severity, "target": target,
                   "host": address, "ip": address, "port": port, "matchedAt": target, "tags": tags}
        if cves:
            message["cve"] = cves
        if cvss is not None:
            message["cvss"] = cvss
        if severity in ("critical", "high"):
            message |= {"description": f"{name} was confirmed on {target} by an out-of-band answer within two seconds of the request.",
                        "remediation": "Update to a fixed version, or take the service off this network until that is done.",
                        "reference": [f"https://nvd.nist.gov/vuln/detail/{cve}" for cve in cves] or ["https://owasp.org/Top10/"]}
        yield message
        yield {"type": "line", "text": f"[{template}] [{scheme}] [{severity}] {target}"}
        if number % 3 == 0:
            yield {"type": "scanProgress", "phase": "Vulnerabilities", "percent": round(number * 100 / findings, 1), "remaining": (findings - number) * 2}
