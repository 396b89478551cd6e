#!/usr/bin/env python3
"""Somebody powers a UEFI machine on and off, past its BMC, while our medium is in it: its disk stays as it is."""
from machine import SERVER, MachineMesh, main, succeeded, wait_until

REFUSE = {"when": "before", "action": "status", "status": 503}
CD_FIRST = {"execute": "qom-set", "arguments": {"path": "/machine/peripheral/cd0", "property": "bootindex", "value": 1}}


def tries_the_medium(mesh):
    """Boots until the firmware reads what the fence refuses, then powers off."""
    mesh.set_bmc(SERVER, power=False)
    refused = mesh.happened("medium not readable")
    mesh.by_hand("system_reset", "cont")
    mesh.wait_happens("medium not readable", refused)
    mesh.set_bmc(SERVER, power=False)


def before_arm_and_after_cancel():
    with MachineMesh() as mesh:
        mesh.ready()
        agent = mesh.agents["par1"]
        mesh.file("disk").write_bytes(b"what was there before\n" * 100_000)
        before = mesh.disk_hash()
        # An agent that starts while the site is cut off may not go on: it serves the medium behind the fence, and waits.
        mesh.sim("par1", "/kill-target", {"pidfile": str(agent.pidfile)})
        mesh.set_bmc(SERVER, fault={"op": "patch_boot", "when": "before", "action": "kill"})
        mesh.start_install()
        wait_until("the agent dies before the boot override", lambda: not agent.alive())
        mesh.broker.kill()
        agent.start()
        # Who powers the host on before PREFLIGHT has looked is answered with a refusal: that is another test's story.
        wait_until("the agent waits to be vouched for", lambda: "waits: CLOCK_UNPROVEN" in agent.text())
        mesh.set_bmc(SERVER, fault={"op": "eject", "times": 1000, **REFUSE})
        mesh.by_hand(CD_FIRST)
        tries_the_medium(mesh)
        assert mesh.disk_hash() == before
        assert not mesh.happened("reset call"), mesh.acts("par1")
        mesh.cli("rollout", "stop", "web", "--reason", "test")
        mesh.broker.start()
        mesh.wait_state("CANCELLED", timeout=120)
        assert mesh.machine()["media"], "the medium should still be inserted"
        tries_the_medium(mesh)
        assert mesh.disk_hash() == before
        assert mesh.machine()["installs"] == []


def after_success_with_the_medium_still_inserted():
    with MachineMesh() as mesh:
        mesh.ready()
        mesh.set_bmc(SERVER, giveUpMs=3000)  # a firmware that looks into the tray is not to wait for long
        mesh.set_bmc(SERVER, fault={"op": "eject", "times": 1000, **REFUSE})
        mesh.start_install()
        succeeded(mesh.wait_done("web", 300))
        assert mesh.machine()["media"], "the medium should still be inserted"
        installed = mesh.disk_hash()
        mesh.by_hand("system_reset")
        mesh.wait_console("INSTALLED_OS_UP", count=2)
        assert mesh.disk_hash() == installed
        # Even a firmware that prefers the CD finds nothing to boot there.
        mesh.by_hand(CD_FIRST)
        tries_the_medium(mesh)
        assert mesh.disk_hash() == installed
        assert len(mesh.machine()["installs"]) == 1


if __name__ == "__main__":
    main([before_arm_and_after_cancel, after_success_with_the_medium_still_inserted])
