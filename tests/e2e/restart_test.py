#!/usr/bin/env python3
"""An installer that restarts twice, on a UEFI machine whose firmware prefers the CD: installed once, proven, and the medium
starts nothing a second time."""
import pathlib
import tempfile

from machine import ANSWER, SERVER, MachineMesh, main, succeeded

HOSTNAME, ADDRESS = f"{SERVER}.example.net", "10.0.2.15/24"
FAMILY = """name: twice
title: An installer that restarts twice
placeholder: true
completion: reboot
restarts: 1
"""


def restarts_twice_and_is_installed_once():
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "twice.yaml").write_text(FAMILY)
        with MachineMesh("rerror=report", families=folder) as mesh:
            mesh.ready(family="twice", template={"inline": "restarts=2\n" + ANSWER + (mesh.pki / "ca.crt").read_text()})
            mesh.set_bmc(SERVER, cdFirst=True)
            mesh.start_install()
            deployments = mesh.wait_done("web", 240)
            succeeded(deployments)
            print(mesh.check_installed_once(HOSTNAME, ADDRESS))
            said = [line.split()[0] for line in mesh.console().splitlines() if line.startswith(("INSTALL", "BOOT_F"))]
            assert said == ["INSTALL_BEGINS", "INSTALL_WRITING", "INSTALL_VERIFIED", "INSTALL_DONE", "INSTALL_PASS",
                            "INSTALLED_OS_UP"], said
            evidence = mesh.deployment()["evidence"]
            print(evidence)


if __name__ == "__main__":
    main([restarts_twice_and_is_installed_once])
