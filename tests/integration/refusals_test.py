#!/usr/bin/env python3
"""What is refused before anything changes: wrong identity, a second order, a selector that is too wide, a
stale plan, a wrong count, a credential that three BMCs refused."""
import json

from mesh import Mesh, main, succeeded, wait_until


def identity_differs():
    with Mesh({"par1": 1}) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        server = "par1-n001"
        expected = mesh.truth()[server]["serial"]
        mesh.set_bmc(server, serial="OTHER123")  # somebody swapped the cables after the inspection
        mesh.start_rollout("web", select={"servers": [server]})
        deployment = mesh.wait_done("web")[server]
        assert deployment["state"] == "FAILED" and deployment["fault"]["code"] == "IDENTITY_MISMATCH", deployment
        assert expected in deployment["fault"]["seen"] and "OTHER123" in deployment["fault"]["seen"], deployment
        assert deployment["disk"] == "DISK_UNTOUCHED" and deployment["fault"]["next"], deployment
        changes = [a for a in mesh.acts("par1") if a["what"] in ("insert", "eject", "boot override", "reset call")]
        assert changes == [], changes
        mesh.check_truth(installed=[], untouched=[server])


def second_order_for_one_machine():
    with Mesh({"par1": 1}) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        first = mesh.get("/servers/par1-n001")
        twin = {"metadata": {"name": "other-name"}, "spec": {
            "site": "par1", "bmc": {"address": "127.9.9.9:1", "credential": "par1-bmc"},
            "identity": first["spec"]["identity"], "hostname": "twin"}}
        status, _, problem = mesh.rest("PUT", "/api/v1/servers/other-name", twin)
        assert status == 409 and "par1-n001" in problem["detail"], (status, problem)
        twin["spec"]["identity"] = {"serial": "NEW1"}
        twin["spec"]["bmc"]["address"] = first["spec"]["bmc"]["address"]
        status, _, problem = mesh.rest("PUT", "/api/v1/servers/other-name", twin)
        assert status == 409 and "par1-n001" in problem["detail"], (status, problem)
        mesh.set_bmc("par1-n001", installMs=6000)
        mesh.start_rollout("web", select={"servers": ["par1-n001"]})
        plan = mesh.rollout("again", select={"servers": ["par1-n001"]})
        reasons = {e["name"]: e for e in plan["excluded"]}
        assert not plan.get("servers") and "par1-n001" in reasons, plan
        assert "web" in reasons["par1-n001"]["message"], reasons
        succeeded(mesh.wait_done("web"))
        mesh.check_truth(installed=["par1-n001"])


def selector_too_wide():
    with Mesh({"par1": 6}) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        mesh.start_rollout("first", select={"servers": ["par1-n001"]})
        succeeded(mesh.wait_done("first"))
        mesh.cli("server", "protect", "par1-n002")
        mesh.set_bmc("par1-n003", power=True)
        wait_until("it is on", lambda: mesh.truth()["par1-n003"]["state"] in ("boot manager", "old system"))
        mesh.cli("server", "inspect", "par1-n003")
        wait_until("seen powered on", lambda: mesh.get("/servers/par1-n003")["status"].get("power") == "On")
        stranger = mesh.get("/servers/par1-n006")
        stranger["metadata"] = {"name": "par1-new", "labels": {"role": "web"}}
        stranger["spec"].update(bmc={"address": "127.8.8.8:9", "credential": "par1-bmc"}, identity={"serial": "NEW2"}, hostname="stranger")
        stranger.pop("status", None)
        assert mesh.rest("PUT", "/api/v1/servers/par1-new", stranger)[0] == 201
        plan = mesh.rollout("wide", select={"labels": {"role": "web"}})
        excluded = {e["name"]: e["reason"] for e in plan["excluded"]}
        assert excluded == {"par1-n001": excluded["par1-n001"], "par1-n002": "PROTECTED", "par1-n003": "POWERED_ON",
                            "par1-new": "NOT_READY"}, excluded
        assert excluded["par1-n001"] in ("INSTALLED", "PROTECTED"), excluded
        assert [s["name"] for s in plan["servers"]] == ["par1-n004", "par1-n005", "par1-n006"], plan
        shown = mesh.cli("rollout", "plan", "wide").stdout
        for name in excluded:
            assert name in shown, shown
        wrong = mesh.cli("rollout", "start", "wide", "--plan", plan["digest"], "--confirm", 4, check=False)
        assert wrong.returncode == 1 and "3" in wrong.stderr + wrong.stdout, wrong
        wrong = mesh.cli("rollout", "start", "wide", "--plan", "0" * 64, "--confirm", 3, check=False)
        assert wrong.returncode == 1, wrong
        mesh.cli("server", "protect", "par1-n004")  # the world changed: the digest is stale now
        stale = mesh.cli("rollout", "start", "wide", "--plan", plan["digest"], "--confirm", 3, check=False)
        assert stale.returncode == 1 and "plan" in (stale.stderr + stale.stdout), stale
        assert mesh.deployments("wide") == {}
        mesh.check_truth(installed=["par1-n001"], untouched=[f"par1-n00{i}" for i in range(2, 7)])


def three_refusals_hold_a_credential():
    with Mesh({"par1": 6}) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        for index in range(1, 7):
            mesh.set_bmc(f"par1-n{index:03}", password="rotated")
        mesh.start_rollout("web", select={"labels": {"role": "web"}}, parallel={"total": 6, "perSite": 6},
                           stopAfter={"noCanary": True, "beforeWipe": "100%"})
        wait_until("the credential is held", lambda: mesh.get("/credentials/par1-bmc").get("status", {}).get("held"), 60)
        refused = [a for a in mesh.acts("par1") if a["what"] == "login refused"]
        assert 3 <= len(refused) <= 6, refused  # those in flight when the third came may still ask once
        states = [d["state"] for d in mesh.deployments("web").values()]
        assert states.count("FAILED") <= len(refused) and ("RUNNING" in states or "ISSUED" in states), states
        mesh.set_password("par1", "rotated")
        deployments = mesh.wait_done("web", 120)
        good = [n for n, d in deployments.items() if d["state"] == "SUCCEEDED"]
        bad = {n: d for n, d in deployments.items() if d["state"] != "SUCCEEDED"}
        for deployment in bad.values():
            assert deployment["fault"]["code"] == "BMC_LOGIN_REFUSED", deployment
        assert len(bad) <= len(refused) and good, (states, deployments)
        mesh.check_truth(installed=good, untouched=bad)


def bad_input_to_every_route():
    with Mesh({"par1": 1}) as mesh:
        mesh.apply_basics()
        kinds = ["sites", "credentials", "servers", "images", "profiles", "rollouts"]
        bodies = [b"", b"{", b"[]", b"\xff\xfe", b'{"spec":{"nonsense":1}}', b'{"metadata":5}', b'{"spec":"x"}',
                  b'{"kind":"Nope"}', b"null", b'"text"', b"{" * 5000, b"x" * (10 << 20)]
        checked = 0
        def check(method, path, raw=None, headers=None, want=range(400, 500)):
            nonlocal checked
            checked += 1
            try:
                status, reply, body = mesh.rest(method, path, raw=raw, headers=headers)
            except (ConnectionError, OSError) as error:
                assert raw and len(raw) > 1 << 20, (method, path, error)
                return
            assert status in want, (method, path, (raw or b"")[:40], status, body)
            if method != "HEAD":
                assert reply["Content-Type"].startswith("application/problem+json"), (path, reply["Content-Type"])
                assert body.get("title") and body.get("detail"), (path, body)
        for kind in kinds:
            for raw in bodies:
                check("PUT", f"/api/v1/{kind}/x", raw)
            for method in ("POST", "PATCH", "TRACE"):
                check(method, f"/api/v1/{kind}/x", b"{}")
            check("GET", f"/api/v1/{kind}/does-not-exist")
            check("PUT", f"/api/v1/{kind}/Bad_Name!", b"{}")
            check("GET", f"/api/v1/{kind}?limit=abc")
            check("PUT", f"/api/v1/{kind}/x", b"{}", {"Content-Type": "text/plain"})
        actions = ["rollouts/x/plan", "rollouts/x/start", "rollouts/x/pause", "rollouts/x/continue", "rollouts/x/stop",
                   "rollouts/x/skip", "rollouts/x/set", "deployments/x/resolve", "deployments/x/cancel",
                   "servers/x/inspect", "servers/x/accept", "servers/x/protect", "servers/x/unprotect", "servers/x/retire",
                   "servers/x/adopt", "servers/x/release-for-install", "servers/x/clean", "servers/x/reidentify", "servers/x/replace", "servers/x/move",
                   "sites/x/clear-quarantine", "controller/continue"]
        for action in actions:
            for raw in bodies[1:]:
                check("POST", f"/api/v1/{action}", raw)
            check("GET", f"/api/v1/{action}")
        for path in ("/", "/api", "/api/v1/", "/api/v1/nope", "/api/v1/servers/a/b/c", "/api/v1/%zz", "/api/v1/events?after=x"):
            check("GET", path)
        check("GET", "/api/v1/servers", headers={"Authorization": "Bearer wrong"}, want=[401])
        references = {"metadata": {"name": "x"}, "spec": {"site": "nowhere", "bmc": {"address": "1.2.3.4", "credential": "none"},
                                                          "identity": {"serial": "A1"}}}
        status, _, problem = mesh.rest("PUT", "/api/v1/servers/x", references)
        assert 400 <= status < 500 and "nowhere" in problem["detail"] and problem["field"], problem
        assert mesh.controller.alive() and mesh.rest("GET", "/healthz", token=False)[0] == 200
        print(f"{checked} bad requests answered")


def bad_input_to_apply():
    with Mesh({"par1": 1}) as mesh:
        mesh.apply_basics()
        cases = {  # what is wrong: (document, words the error must contain)
            "unknown field": ("kind: Server\nmetadata: {name: a}\nspec:\n  site: par1\n  hostnam: x\n", ["hostnam", "hostname", ":5"]),
            "unknown kind": ("kind: Sever\nmetadata: {name: a}\n", ["Sever", "Server"]),
            "not yaml": ("kind: [\n", [":"]),
            "wrong type": ("kind: Profile\nmetadata: {name: a}\nspec:\n  maxRun: often\n", ["maxRun", "often", ":4"]),
            "list for a text": ("kind: Server\nmetadata: {name: a}\nspec:\n  site: [par1]\n", ["site", ":4"]),
            "missing reference": ("kind: Server\nmetadata: {name: a}\nspec:\n  site: nowhere\n  bmc: {address: 1.2.3.4, "
                                  "credential: par1-bmc}\n  identity: {serial: A1}\n", ["nowhere"]),
            "duplicate key": ("kind: Server\nmetadata: {name: a}\nspec:\n  site: par1\n  site: par1\n", ["site", ":5"]),
        }
        for what, (text, words) in cases.items():
            path = mesh.folder / "bad.yaml"
            path.write_text("apiVersion: metalmesh/v1\n" + text if "not yaml" != what else text)
            result = mesh.cli("apply", "-f", path, check=False)
            said = result.stderr + result.stdout
            assert result.returncode in (1, 2), (what, result)
            shifted = [w if not w.startswith(":") or what == "not yaml" or w == ":" else f":{int(w[1:]) + 1}" for w in words]
            for word in shifted:
                assert word in said, (what, word, said)
        big = mesh.folder / "big.yaml"
        big.write_text("kind: Server\nmetadata: {name: a}\nspec:\n  hostname: " + "x" * (10 << 20) + "\n")
        assert mesh.cli("apply", "-f", big, check=False).returncode in (1, 2)
        assert mesh.cli("apply", "-f", mesh.folder / "missing.yaml", check=False).returncode in (1, 2)
        typed = mesh.folder / "typed.yaml"  # scalars are what our schema says, never what YAML guesses
        typed.write_text("apiVersion: metalmesh/v1\nkind: Server\nmetadata: {name: typed}\nspec:\n  site: par1\n  bmc: {address: 127.7.7.7, "
                         "credential: par1-bmc}\n  identity: {serial: 4E12345}\n  hostname: 007312\n  vars: {at: 22:00, ipmi: off}\n")
        mesh.cli("apply", "-f", typed)
        spec = mesh.get("/servers/typed")["spec"]
        assert spec["identity"]["serial"] == "4E12345" and spec["hostname"] == "007312", spec
        assert spec["vars"] == {"at": "22:00", "ipmi": "off"}, spec
        assert json.loads(mesh.cli("get", "server", "typed", "-o", "json").stdout)["spec"] == spec


if __name__ == "__main__":
    main([identity_differs, second_order_for_one_machine, selector_too_wide, three_refusals_hold_a_credential,
          bad_input_to_every_route, bad_input_to_apply])
