#!/usr/bin/env python3
"""A UEFI machine is started from an image once, while it is in use: a person ends it, nothing is left, and its disk is as it was."""
from machine import SERVER, MachineMesh, main, succeeded


def is_booted_once_and_leaves_nothing():
    with MachineMesh("rerror=report") as mesh:
        mesh.ready()
        mesh.file("disk").write_bytes(b"what was there before\n" * 100_000)
        before = mesh.disk_hash()
        mesh.cli("server", "adopt", SERVER, "--reason", "in use")
        refused = mesh.cli("boot-iso", "mm", SERVER, check=False)
        assert "--in-use" in refused.stdout + refused.stderr, refused
        mesh.cli("boot-iso", "mm", SERVER, "--in-use", "--max-run", "10m", "--confirm", 1)
        name = next(r["metadata"]["name"] for r in mesh.get("/rollouts")["items"]
                    if r.get("status", {}).get("state") == "running")
        # The tiny installer finds no answers on it and stays where it is, as a rescue system would.
        mesh.wait_console("INSTALL_FAILED")
        mesh.cli("deployment", "cancel", SERVER, "--reason", "seen enough")
        deployment = mesh.wait_done(name, 120)
        succeeded(deployment)
        deployment = deployment[SERVER]
        print(deployment["evidence"])
        assert any("a person ended it" in line for line in deployment["evidence"]), deployment
        assert "disk" not in deployment, deployment
        truth = mesh.machine()
        assert truth["state"] != "off", "it is left as it is"
        assert truth["media"] == "" and not truth["installs"] and not truth["violations"], truth
        assert mesh.disk_hash() == before
        server = mesh.get(f"/servers/{SERVER}")["status"]
        assert server["use"] == "inUse" and "installed" not in server, server


if __name__ == "__main__":
    main([is_booted_once_and_leaves_nothing])
