"""Tokens as identity providers make them: where their claims stand, and which roles mean what."""

import subprocess

import jwt
import pytest

from conftest import SLUICE, clean_environment, closing, is_problem, read_until, wait_for

KEYCLOAK = {"claims": {"subject": "preferred_username", "roles": ["resource_access", "sluice", "roles"],
                       "scans": ["scanning", "scans"]},
            "roles": {"admin": ["scan-admins", "ops"], "ingest": ["scanners"]}}


def keycloak(roles, user="alice", **more):
    return {"iss": "https://kc.example/realms/scans", "aud": "account", "typ": "Bearer", "azp": "console",
            "preferred_username": user, "realm_access": {"roles": ["offline_access", "admin"]},
            "resource_access": {"sluice": {"roles": roles}}, "scope": "openid email"} | more


def reads(gateway, scan, token):
    return gateway.get(f"/api/scans/{scan}", token).status


def test_roles_stand_where_the_operator_says(make_gateway, scan):
    gateway = make_gateway(auth=KEYCLOAK)
    scanner = gateway.token(sub="4c2c", **keycloak(["scanners"], "nmap"))
    assert gateway.post(scan, {"type": "a"}, scanner).status == 202
    assert reads(gateway, scan, scanner) == 403
    assert reads(gateway, scan, gateway.token(sub="4c2d", **keycloak(["scan-admins"]))) == 200
    # Neither the realm's roles nor a claim of the usual name counts.
    assert reads(gateway, scan, gateway.token(sub="4c2e", roles=["ops", "admin"], **keycloak([]))) == 403
    assert reads(gateway, scan, gateway.token(sub="4c2f", **keycloak("ops"))) == 200
    assert reads(gateway, scan, gateway.token(sub="4c2f", **keycloak("ops admin"))) == 403
    assert reads(gateway, scan, gateway.token(sub="4c2f", **keycloak(None, scanning={"scans": scan}))) == 200
    assert reads(gateway, scan, gateway.token(sub="4c2f", **keycloak([], scanning={"scans": ["x", scan[:6] + "*"]}))) == 200
    assert reads(gateway, scan, gateway.token(sub="4c2f", **keycloak([], resource_access="none"))) == 403
    # The user is the claim that the operator chose: its scans are theirs.
    owned = scan + "-owned"
    gateway.request("PUT", f"/api/scans/{owned}", {"owner": "bob"}, token=scanner)
    assert reads(gateway, owned, gateway.token(without=["sub"], **keycloak([], "bob"))) == 200
    assert reads(gateway, owned, gateway.token(sub="bob", **keycloak([], "carol"))) == 403


@pytest.mark.parametrize("change, claim", [
    ({"resource_access": {"sluice": {"roles": {"ops": True}}}}, "resource_access.sluice.roles"),
    ({"resource_access": {"sluice": {"roles": ["ops", 7]}}}, "resource_access.sluice.roles"),
    ({"scanning": {"scans": 7}}, "scanning.scans"), ({"scope": {"ingest": 1}}, "scope"),
    ({"preferred_username": ["alice"]}, "preferred_username"), ({"preferred_username": None}, "preferred_username"),
], ids=str)
def test_a_claim_of_a_wrong_type_is_named_in_the_log(make_gateway, change, claim):
    gateway = make_gateway(auth=KEYCLOAK)
    is_problem(gateway.get("/api/scans/stats", gateway.token(sub="4c2c", **(keycloak(["ops"]) | change))))
    wait_for(lambda: f"claim={claim}" in gateway.log() or f'claim="{claim}"' in gateway.log())


@pytest.mark.parametrize("claims, roles, token", [
    # Auth0: a namespaced claim, and permissions.
    ({"roles": "https://sluice.example/roles", "scope": "permissions"}, {},
     {"sub": "auth0|5f7c8ec7", "https://sluice.example/roles": ["admin"], "permissions": ["read:x", "ingest"],
      "scope": "openid profile", "aud": ["https://sluice.example", "https://t.eu.auth0.com/userinfo"]}),
    # Entra: application roles, scopes in scp, and the user in oid.
    ({"subject": "oid", "scope": "scp"}, {"admin": ["Scan.Admin"]},
     {"sub": "HKZp", "oid": "690222be", "roles": ["Scan.Admin"], "scp": "ingest", "ver": "2.0", "wids": ["b79f"]}),
    # Cognito: groups.
    ({"subject": "username", "roles": "cognito:groups"}, {"admin": ["ops"], "ingest": ["ops"]},
     {"sub": "aaaa", "username": "bob", "cognito:groups": ["ops"], "token_use": "access", "scope": "openid"}),
], ids=["auth0", "entra", "cognito"])
def test_what_other_providers_make(make_gateway, scan, claims, roles, token):
    gateway = make_gateway(auth={"claims": claims, "roles": roles})
    good = gateway.token(**token)
    assert gateway.post(scan, {"type": "a"}, good).status == 202
    assert reads(gateway, scan, good) == 200
    assert reads(gateway, scan, gateway.token(sub="x", username="x", oid="x")) == 403


def test_the_command_writes_the_configured_names(make_gateway, scan):
    gateway = make_gateway(auth=KEYCLOAK)
    run = subprocess.run(
        [SLUICE, "token", "--config", str(gateway.config_file), "--sub", "carol", "--role", "scanners", "--scans",
         f"{scan}*"], capture_output=True, text=True, env=clean_environment(), check=True)
    token = run.stdout.strip()
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["preferred_username"] == "carol" and "sub" not in claims and "roles" not in claims
    assert claims["resource_access"] == {"sluice": {"roles": ["scanners"]}}
    assert claims["scanning"] == {"scans": [f"{scan}*"]}
    assert gateway.post(scan, {"type": "a"}, token).status == 202
    assert reads(gateway, scan, token) == 200


def test_a_reload_that_reads_claims_in_another_way_ends_what_they_opened(make_gateway, scan):
    gateway = make_gateway()
    gateway.post(scan, {"type": "a"})
    with gateway.sync_ws(scan, gateway.admin()) as admin, gateway.sync_ws(scan, gateway.reader()) as reader:
        read_until(admin, "subscribed")
        read_until(reader, "subscribed")
        gateway.reload(origins=["https://a.example"])
        gateway.post(scan, {"type": "b"})
        read_until(admin, "b")
        gateway.reload(auth={"roles": {"admin": ["ops"]}})
        assert closing(admin) == (4401, "claims are read anew")
        assert closing(reader)[0] == 4401
    assert reads(gateway, scan, gateway.admin()) == 403
    assert reads(gateway, scan, gateway.token(roles=["ops"])) == 200
    assert reads(gateway, scan, gateway.reader()) == 200
