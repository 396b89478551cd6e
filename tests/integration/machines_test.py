#!/usr/bin/env python3
"""What is known of a machine, by the real command line: in use, adopted, released, deleted by its serial, another board,
another machine under the same name, another site."""
from mesh import Mesh, main, succeeded, wait_until


def refused(mesh, *args):
    """The words of a command that must be refused."""
    result = mesh.cli(*args, check=False)
    assert result.returncode == 1, (args, result.stdout, result.stderr)
    return result.stdout + result.stderr


def why_not(mesh, name, server, **spec):
    plan = mesh.rollout(name, select={"servers": [server]}, reinstall=True, poweredOn="graceful", **spec)
    return {e["name"]: e for e in plan.get("excluded", [])}.get(server, {})


def apply_as(mesh, site, state):
    """The inventory with every server in this state; empty: none is said."""
    path = mesh.folder / f"{site}-servers.yaml"
    said = f"  state: {state}\n" if state else ""
    path.write_text(path.read_text().replace("  state: new\n", said))


def status(mesh, server):
    return mesh.get(f"/servers/{server}")["status"]


def in_use_until_released():
    with Mesh({"par1": 3}) as mesh:
        original = (mesh.folder / "par1-servers.yaml").read_text()
        apply_as(mesh, "par1", "")
        mesh.apply_basics()
        wait_until("all are seen", lambda: all(s["status"]["phase"] == "inUse" for s in mesh.get("/servers")["items"]))
        one, other, third = (f"par1-n00{i}" for i in (1, 2, 3))
        why = why_not(mesh, "early", one)
        assert why["reason"] == "IN_USE" and f"metalmesh server release-for-install {one}" in why["message"], why
        assert "in use, not ours" in mesh.cli("rollout", "plan", "early").stdout
        (mesh.folder / "par1-servers.yaml").write_text(original)  # all say `state: new` now
        mesh.cli("apply", "-f", mesh.folder / "par1-servers.yaml")
        assert why_not(mesh, "edited", one)["reason"] == "IN_USE"

        text = refused(mesh, "delete", "server", one)
        assert f"metalmesh delete server {one} --confirm" in text, text
        assert "SERIAL" in text or "serial" in text, text
        refused(mesh, "delete", "server", one, "--confirm", "WRONG")
        mesh.cli("delete", "server", one, "--confirm", mesh.truth()[one]["serial"])
        mesh.cli("apply", "-f", mesh.folder / "par1-servers.yaml")
        wait_until("it is seen again", lambda: status(mesh, one).get("phase") == "inUse")

        assert "release-for-install" in refused(mesh, "server", "unprotect", one, "--reason", "please")
        mesh.cli("server", "release-for-install", one, "--reason", "decommissioned")
        adopted = mesh.cli("server", "adopt", "-l", "role=web", other, "--reason", "accounting").stdout
        assert all(f"{name} is in use and protected" in adopted for name in (one, other, third)), adopted
        mesh.cli("server", "release-for-install", one, "--reason", "decommissioned after all")
        mesh.start_rollout("web", select={"labels": {"role": "web"}}, reinstall=True, poweredOn="force")
        deployments = mesh.wait_done("web")
        assert list(deployments) == [one], deployments
        succeeded(deployments)
        mesh.check_truth(installed=[one], untouched=[other, third])
        mesh.cli("delete", "server", one, "--confirm", mesh.truth()[one]["serial"])
        mesh.cli("apply", "-f", mesh.folder / "par1-servers.yaml")
        wait_until("it is what it was", lambda: status(mesh, one).get("phase") == "installed")
        assert why_not(mesh, "again", one)["reason"] == "PROTECTED"
        told = [e for e in mesh.events() if e["type"] == "audit" and e.get("server") == one]
        assert any("deleted Server" in e["message"] and mesh.truth()[one]["serial"] in e["message"] for e in told), told


def another_board_and_another_machine():
    with Mesh({"par1": 2}) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        one, other = "par1-n001", "par1-n002"
        mesh.start_rollout("web", select={"labels": {"role": "web"}})
        succeeded(mesh.wait_done("web"))
        serial = mesh.truth()[one]["serial"]
        mesh.set_bmc(one, uuid="4c4c4544-0042-4a10-8052-b2c04f333333")
        mesh.set_bmc(other, serial="OTHER123", uuid="4c4c4544-0042-4a10-8052-b2c04f444444")
        for name in (one, other):
            mesh.cli("inspect", name, "--wait", check=False)
        shown = mesh.cli("server", "reidentify", one).stdout
        assert "4c4c4544-0042-4a10-8052-b2c04f333333" in shown and f"--confirm {serial}" in shown, shown
        refused(mesh, "server", "reidentify", one, "--confirm", "WRONG", "--reason", "x")
        mesh.cli("server", "reidentify", one, "--confirm", serial, "--reason", "board swap")
        assert status(mesh, one)["phase"] == "installed" and status(mesh, one)["installed"]["image"] == "mm"
        assert why_not(mesh, "a", one)["reason"] == "PROTECTED"
        mesh.cli("server", "replace", other, "--confirm", "OTHER123", "--reason", "the old one burned")
        assert "installed" not in status(mesh, other) and status(mesh, other)["use"] == "inUse", status(mesh, other)
        assert why_not(mesh, "b", other)["reason"] == "IN_USE"
        mesh.check_truth(installed=[one, other])


def another_site():
    with Mesh({"par1": 1, "lyo1": 1}) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        server = "par1-n001"
        mesh.start_rollout("web", select={"servers": [server]})
        succeeded(mesh.wait_done("web"))
        spec = mesh.get(f"/servers/{server}")["spec"]
        spec["site"] = "lyo1"
        spec["bmc"]["credential"] = "lyo1-bmc"
        code, _, problem = mesh.rest("PUT", f"/api/v1/servers/{server}", {"metadata": {"name": server}, "spec": spec})
        assert code == 409 and problem["next"].startswith(f"metalmesh server move {server} --site lyo1"), problem
        mesh.cli("server", "move", server, "--site", "lyo1", "--address", spec["bmc"]["address"], "--credential", "lyo1-bmc")
        wait_until("its new site has seen it", lambda: status(mesh, server).get("inspectedAt"))
        assert status(mesh, server)["phase"] == "installed" and status(mesh, server)["protected"], status(mesh, server)
        mesh.cli("server", "unprotect", server, "--reason", "test")
        mesh.start_rollout("again", select={"servers": [server]}, reinstall=True, poweredOn="force")
        succeeded(mesh.wait_done("again"))
        assert int(mesh.deployments("again")[server]["generation"]) == 2, mesh.deployments("again")


main([in_use_until_released, another_board_and_another_machine, another_site])
