#!/usr/bin/env python3
"""The media fence: a server that resets by itself with our medium inserted installs only while it is armed."""
from mesh import Mesh, main, wait_until


def resets_by_itself_before_arm():
    # The agent may not arm: power_on is refused by a BMC that answers 503 to the boot override for a while.
    with Mesh({"par1": 1}) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        server = "par1-n001"
        mesh.set_bmc(server, fault={"op": "patch_boot", "when": "before", "action": "status", "status": 503, "times": 6},
                     giveUpMs=1500)
        mesh.start_rollout("web", select={"servers": [server]})
        wait_until("our medium is inserted", lambda: mesh.truth()[server]["media"], 30)
        finds_the_fence_shut(mesh, server)
        first = next(a for a in mesh.acts("par1") if a["what"] == "medium not readable")
        assert "503" in first["detail"], first
        assert mesh.truth()[server]["installs"] == []
        mesh.set_bmc(server, power=False)  # the default power policy refuses a host that is on


def finds_the_fence_shut(mesh, server):
    """The server resets by itself, boots our medium, which is still in, and gets nothing from it."""
    assert mesh.truth()[server]["media"], "the medium is gone: nothing is proved"
    before = len(mesh.acts("par1"))
    mesh.set_bmc(server, selfReset=True)
    wait_until("the host tried the medium and gave up",
               lambda: any(a["what"] == "boot from the medium failed" for a in mesh.acts("par1")[before:]), 30)


def cancelled_then_resets_by_itself():
    with Mesh({"par1": 1}) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        server = "par1-n001"
        # Eject fails for a while, so that the medium is still there after the cancel.
        mesh.set_bmc(server, fault={"op": "patch_boot", "when": "before", "action": "status", "status": 503, "times": 50},
                     giveUpMs=1500)
        mesh.set_bmc(server, fault={"op": "eject", "when": "before", "action": "status", "status": 503, "times": 100000})
        mesh.start_rollout("web", select={"servers": [server]})
        wait_until("our medium is inserted", lambda: mesh.truth()[server]["media"], 30)
        mesh.cli("rollout", "stop", "web", "--reason", "test")
        wait_until("cancelled", lambda: mesh.deployments("web")[server]["state"] == "CANCELLED", 60)
        finds_the_fence_shut(mesh, server)
        assert mesh.truth()[server]["installs"] == []


def expired_then_resets_by_itself():
    with Mesh({"par1": 1}) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        server = "par1-n001"
        mesh.set_bmc(server, onceIgnored=True, fallsBackToCd=False, giveUpMs=1500)
        mesh.set_bmc(server, fault={"op": "eject", "when": "before", "action": "status", "status": 503, "times": 100000})
        mesh.start_rollout("web", select={"servers": [server]}, startWithin="4s", launchWithin="2s")
        deployments = mesh.wait_done("web", 90)
        assert deployments[server]["state"] in ("FAILED", "INDETERMINATE"), deployments
        assert deployments[server]["disk"] == "DISK_UNTOUCHED", deployments[server]
        mesh.set_bmc(server, onceIgnored=False, fallsBackToCd=True)
        finds_the_fence_shut(mesh, server)
        assert mesh.truth()[server]["installs"] == []


def resets_by_itself_after_the_installer_ended():
    with Mesh({"par1": 1}) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        server = "par1-n001"
        # The medium cannot be ejected, and the firmware boots it before the disk, whenever it can.
        mesh.set_bmc(server, fault={"op": "eject", "when": "before", "action": "status", "status": 503, "times": 100000},
                     giveUpMs=1500, cdFirst=True)
        mesh.start_rollout("web", select={"servers": [server]})
        deployment = mesh.wait_done("web", 90)[server]
        assert deployment["state"] == "SUCCEEDED" and deployment["debts"], deployment
        assert any(a["what"] == "boot from the medium failed" for a in mesh.acts("par1")), "our power-on never met the fence"
        finds_the_fence_shut(mesh, server)
        truth = mesh.truth()[server]
        assert len(truth["installs"]) == 1 and not truth["violations"], truth


if __name__ == "__main__":
    main([resets_by_itself_before_arm, cancelled_then_resets_by_itself, expired_then_resets_by_itself,
          resets_by_itself_after_the_installer_ended])
