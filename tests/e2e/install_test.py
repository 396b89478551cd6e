#!/usr/bin/env python3
"""A UEFI machine is installed over Redfish virtual media, and proves itself; whatever is killed meanwhile."""
import time

from machine import SERVER, MachineMesh, main, succeeded, wait_until

HOSTNAME, ADDRESS = f"{SERVER}.example.net", "10.0.2.15/24"


def installs_and_proves_itself_and_does_not_notice_an_upgrade_of_the_agent():
    with MachineMesh("rerror=report") as mesh:
        mesh.ready()
        begin = time.monotonic()
        mesh.start_install()
        mesh.wait_console("INSTALL_WRITING")
        mesh.agents["par1"].kill()  # the media server goes on
        mesh.wait_console("INSTALL_DONE")
        mesh.agents["par1"].start()
        installed = time.monotonic() - begin
        deployments = mesh.wait_done("web", 240)
        total = time.monotonic() - begin
        succeeded(deployments)
        print(mesh.check_installed_once(HOSTNAME, ADDRESS))
        print(f"installed in {installed:.0f} s, booted and proven after {total:.0f} s")
        assert total < 120, f"{total:.0f} s"
        assert mesh.happened("medium not readable") == 0, mesh.acts("par1")


def survives_the_death_of_agent_media_server_controller_and_broker():
    with MachineMesh() as mesh:
        mesh.ready()
        mesh.set_bmc(SERVER, giveUpMs=300_000)
        mesh.start_install()
        # While the machine copies from the medium, until a read has failed.
        mesh.wait_console("INSTALL_WRITING")
        mesh.agents["par1"].kill()
        mesh.media["par1"].kill()
        mesh.wait_happens("medium not readable", 0)
        mesh.media["par1"].start()
        mesh.agents["par1"].start()
        mesh.controller.kill()
        mesh.wait_console("INSTALL_VERIFIED")
        mesh.controller.start()
        mesh.wait_api()
        mesh.wait_console("INSTALLED_OS_UP")
        mesh.broker.kill()
        mesh.wait_console("CALLBACK_TAKEN")
        mesh.broker.start()
        succeeded(mesh.wait_done("web", 240))
        mesh.check_installed_once(HOSTNAME, ADDRESS)
        assert sum(line.startswith("INSTALL_BEGINS") for line in mesh.console().splitlines()) == 1


def a_gap_that_the_installer_sees_is_an_honest_failure():
    with MachineMesh("rerror=report") as mesh:
        mesh.ready(stallAfter="45s")  # a kernel that starts reads nothing either
        mesh.start_install()
        mesh.wait_console("INSTALL_WRITING")
        mesh.media["par1"].kill()
        mesh.wait_console("INSTALL_FAILED")
        mesh.media["par1"].start()
        deployment = mesh.wait_done("web", 120)[SERVER]
        assert deployment["state"] == "INDETERMINATE", deployment
        assert deployment["fault"]["code"] == "INSTALLER_STALLED", deployment
        assert deployment["disk"] == "DISK_BEING_WRITTEN", deployment
        print(f"{mesh.console_line('INSTALL_FAILED')}\n{deployment['fault']['code']}: {deployment['fault']['seen']}")
        assert mesh.machine()["media"] != "", "its installer might have gone on"
        mesh.cli("deployment", "resolve", deployment["id"], "--as", "failed", "--note", "its console says so")
        wait_until("our medium is gone", lambda: mesh.machine()["media"] == "", 60)
        truth = mesh.machine()
        assert len(truth["installs"]) <= 1 and not any(i["completed"] for i in truth["installs"]), truth
        assert not truth["violations"], truth


if __name__ == "__main__":
    main([installs_and_proves_itself_and_does_not_notice_an_upgrade_of_the_agent,
          survives_the_death_of_agent_media_server_controller_and_broker,
          a_gap_that_the_installer_sees_is_an_honest_failure])
