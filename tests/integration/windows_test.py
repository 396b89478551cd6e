#!/usr/bin/env python3
"""A site's window, in its own time zone and by the machine's tzdata: nothing starts while it is shut, and that is said; it is opened,
and what waited goes. A start names its own end, and `set` moves it."""
import datetime
import zoneinfo

from mesh import Mesh, main, wait_until

PARIS = zoneinfo.ZoneInfo("Europe/Paris")


def window(from_now, minutes):
    """Some minutes from now, as clocks in Paris show them."""
    opens = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=from_now)
    shuts = opens + datetime.timedelta(minutes=minutes)
    return {"from": f"{opens.astimezone(PARIS):%H:%M}", "to": f"{shuts.astimezone(PARIS):%H:%M}"}


def site(mesh, *windows):
    mesh.apply("site", {"kind": "Site", "metadata": {"name": "par1"},
                        "spec": {"timeZone": "Europe/Paris", "limits": {"parallel": 20}, "windows": list(windows)}})


def starts_wait_for_their_window():
    with Mesh({"par1": 3}, agent_config={"pollInterval": "1s"}) as mesh:
        mesh.apply_basics()
        shut = window(120, 60)
        site(mesh, shut)
        mesh.wait_ready()
        plan = power_plan(mesh, "lights")
        assert any("its window opens at" in warning and "--until" in warning for warning in plan["warnings"]), plan["warnings"]
        mesh.cli("rollout", "start", "lights", "--plan", plan["digest"], "--confirm", 3, "--until", "4h")
        status = wait_until("it says for what it waits", lambda: (lambda s: s if s.get("waits") else None)(
            mesh.get("/rollouts/lights")["status"]), 20)
        assert "the window of site par1 opens at" in status["waits"] and shut["from"] in status["waits"], status["waits"]
        assert status["waits"].split()[-1] in ("CET", "CEST"), status["waits"]
        opens = datetime.datetime.fromisoformat(status["waitsUntil"])
        assert f"{opens.astimezone(PARIS):%H:%M}" == shut["from"], status["waitsUntil"]
        told = mesh.cli("rollout", "set", "lights", "--parallel-site", 1).stdout
        assert "(in " in told and " min)" in told, told
        assert all(act["what"] != "reset call" for act in mesh.acts("par1"))
        site(mesh, window(-5, 60))
        ends = mesh.wait_done("lights", 60)
        assert {d["state"] for d in ends.values()} == {"SUCCEEDED"}, ends
        assert not mesh.get("/rollouts/lights")["status"].get("waits")


def wrong_ones_are_refused():
    with Mesh({"par1": 1}) as mesh:
        mesh.apply_basics()
        for windows, said in (([{"from": "22:00", "to": "05:00", "timeZone": "Europe/Pariss"}], "did you mean Europe/Paris"),
                              ([{"from": "22:00", "to": "22:00"}], "the same as from"),
                              ([{"from": "22:00", "to": "05:00", "days": ["someday"]}], "none of mon")):
            path = mesh.folder / "wrong.yaml"
            path.write_text(str({"apiVersion": "metalmesh/v1", "kind": "Site", "metadata": {"name": "par1"},
                                 "spec": {"timeZone": "Europe/Paris", "windows": windows}}))
            refused = mesh.cli("apply", "-f", path, check=False)
            assert refused.returncode != 0 and said in refused.stdout + refused.stderr, refused


def power_plan(mesh, name):
    status, _, answer = mesh.rest("PUT", f"/api/v1/rollouts/{name}", {
        "apiVersion": "metalmesh/v1", "kind": "Rollout", "metadata": {"name": name},
        "spec": {"action": "power", "power": {"change": "on"}, "select": {"sites": ["par1"]}, "startWithin": "3600s"}})
    assert status in (200, 201), answer
    mesh.cli("rollout", "plan", name)
    return mesh.get(f"/rollouts/{name}")["status"]["plan"]


if __name__ == "__main__":
    main([starts_wait_for_their_window, wrong_ones_are_refused])
