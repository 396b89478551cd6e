#!/usr/bin/env python3
"""Kinds of BMCs as they were recorded or reported, with real processes: one install on each, and one during which the agent is
killed; then a capture of one, which names nobody and can be played. Two always, whose BMCs are quick; with METALMESH_LONG_TESTS
all that can install. Recorded ones need the trees (METALMESH_RECORDED_TREES, else ../shared/redfish-mockups)."""
import json
import os
import pathlib
import ssl
import urllib.request

from mesh import BIN, ROOT, Mesh, Process, free_port, main, wait_until

FILES = ROOT / "tests/bmcsim/personalities"
TREES = pathlib.Path(os.environ.get("METALMESH_RECORDED_TREES") or ROOT / "../shared/redfish-mockups")
FEW = ["openbmc-with-media", "dell-idrac9-7.10-r750"]


def kinds():
    """The files of all kinds whose trees, if they have one, are there."""
    out = []
    for file in sorted(FILES.glob("*.json")):
        tree = json.loads(file.read_text()).get("tree")
        if not tree or (TREES / tree).is_dir():
            out.append(file)
        else:
            print(f"skipped {file.stem}: no recorded tree at {TREES / tree}")
    return out


def chosen():
    """Those that install."""
    every = os.environ.get("METALMESH_LONG_TESTS")
    return [file for file in kinds() if (every or file.stem in FEW)
            and json.loads(file.read_text()).get("installs", "SUCCEEDED") == "SUCCEEDED"]


def each_kind_is_installed_and_survives_a_kill():
    files = chosen()
    half = len(files)
    names = [f"par1-n{i + 1:03}" for i in range(2 * half)]
    # Slow inserts and late slots are waited for, where there are any: whoever was killed waits that long for what it inserted.
    confirm = "60s" if os.environ.get("METALMESH_LONG_TESTS") else "10s"
    patient = {"timeouts": {"unreachable": "30s", "confirm": confirm, "firstRead": "60s", "power": "90s", "stall": "60s"}}
    with Mesh({"par1": 2 * half}, worn=dict(zip(names, files * 2)), agent_config=patient) as mesh:
        mesh.apply_basics(stallAfter="60s", maxRun="300s")
        mesh.wait_ready(timeout=120)
        told = {s["metadata"]["name"]: s["status"].get("quirks", "") for s in mesh.get("/servers?limit=500")["items"]}
        for name, file in zip(names, files * 2):
            assert told[name] == json.loads(file.read_text()).get("row", ""), (file.stem, told[name])
        wide = {"parallel": {"total": 100, "perSite": 100}, "stopAfter": {"noCanary": True, "beforeWipe": "100%", "afterWipe": "100%"}}
        mesh.start_rollout("plain", select={"servers": names[:half]}, **wide)
        mesh.wait_done("plain", 200)
        mesh.start_rollout("killed", select={"servers": names[half:]}, **wide)
        wait_until("something is inserted", lambda: any(s["media"] for s in mesh.truth().values()), 60)
        mesh.agents["par1"].kill()
        mesh.agents["par1"].start()
        mesh.wait_done("killed", 200)
        ended = {**mesh.deployments("plain"), **mesh.deployments("killed")}
        wrong = {n: (f.stem, ended[n]["state"], ended[n].get("fault")) for n, f in zip(names, files * 2) if ended[n]["state"] != "SUCCEEDED"}
        assert not wrong, wrong
        truth = mesh.truth()
        assert not [n for n in names if truth[n]["media"] or truth[n]["violations"] or truth[n]["override"] != "Disabled"], truth
        wait_until("no session is left", lambda: all(s["sessions"] == 0 for s in mesh.truth().values()), 20)
        print(f"{len(ended)} of {2 * half} installed, on {half} kinds of BMCs")
        takes_a_ca = [n for n, file in zip(names, files) if file.stem == "dell-idrac9-7.10-r750"]
        if takes_a_ca:
            a_screen_is_shown_and_a_ca_loaded(mesh, takes_a_ca[0])
        a_capture_names_nobody_and_can_be_played(mesh, names[0])


def a_screen_is_shown_and_a_ca_loaded(mesh, name):
    picture = mesh.folder / "screen.png"
    mesh.cli("bmc", "screen", name, picture)
    assert picture.read_bytes().startswith(b"\x89PNG") and picture.stat().st_size > 4096, picture.stat()
    for told in ("CA into /redfish/v1/Systems/System.Embedded.1/VirtualMedia/1/Certificates", "there was nothing to do"):
        mesh.cli("bmc", "trust-ca", name, "--confirm", 1, "--watch")
        ended = [d for d in mesh.get(f"/deployments?limit=200&server={name}")["items"] if d["action"] == "bmc"]
        newest = max(ended, key=lambda d: d["created"])
        assert newest["evidence"][0] == told, newest


def a_capture_names_nobody_and_can_be_played(mesh, name):
    file = mesh.folder / "capture.jsonl"
    said = mesh.cli("inspect", name, "--capture", file).stdout
    assert str(file) in said, said
    lines = file.read_text()
    server, truth = mesh.get(f"/servers/{name}"), mesh.truth()[name]
    for gone in (truth["serial"], truth["uuid"], truth["address"], server["spec"]["bmc"]["address"], name, "secret-"):
        assert gone not in lines, gone
    port = free_port()
    player = Process("player", [BIN / "metalmesh-bmcsim", "serve", "--count", 1, "--first-address", "127.77.0.1", "--port", port,
                                "--control-port", free_port(), "--tree", file], mesh.folder).start()
    try:
        blind = ssl._create_unverified_context()
        def root():
            try:
                with urllib.request.urlopen(f"https://127.77.0.1:{port}/redfish/v1/", context=blind, timeout=5) as reply:
                    return json.loads(reply.read())
            except OSError:
                return None
        played = wait_until("the captured BMC answers", root, 20)
        first = next(json.loads(line)["reply"] for line in lines.splitlines()
                     if json.loads(line).get("path") in ("/redfish/v1/", "/redfish/v1") and json.loads(line).get("status") == 200)
        assert played.keys() == first.keys(), (played, first)
        own_names = ("UUID", "Oem", "ServiceIdentification")  # of another machine than was captured
        assert not [k for k in first if k not in own_names and played[k] != first[k]], (played, first)
    finally:
        player.kill()


if __name__ == "__main__":
    main([each_kind_is_installed_and_survives_a_kill])
