#!/usr/bin/env python3
"""An answer on a medium of its own: inserted into a second slot, shut until the installer runs, ejected like the first."""
import contextlib
import http.client
import pathlib
import ssl
import tempfile
import urllib.error
import urllib.request

from mesh import Mesh, main, succeeded, wait_until
from os_family_test import build, run

FAMILY = """name: oemdrv
answerMedium: {label: OEMDRV, format: fat}
files:
  - {path: /ks.cfg, format: kickstart, main: true, template: "network --hostname={{hostname}}\\n"}
"""
WITH, WITHOUT = "par1-n001", "par1-n002"


def fetched(mesh, url):
    """(status, content as far as it came)."""
    context = ssl.create_default_context(cafile=str(mesh.pki / "ca.crt"))
    try:
        with urllib.request.urlopen(url, context=context, timeout=20) as reply:
            content = b""
            with contextlib.suppress(http.client.IncompleteRead, ConnectionError):
                while piece := reply.read1(65536):
                    content += piece
            return reply.status, content
    except urllib.error.HTTPError as error:
        return error.code, b""


def wait_state(mesh, state):
    return wait_until(f"{WITH} is {state}", lambda: (now := mesh.truth()[WITH])["state"] == state and now, 60)


def check_installs_beside_an_untouched_image(mesh, image):
    mesh.set_bmc(WITH, secondSlot="usb", postMs=3000)
    mesh.start_rollout("with", select={"servers": [WITH]})
    booting = wait_state(mesh, "post")
    assert booting["second"].endswith(".img"), booting
    assert b"network --hostname" not in fetched(mesh, booting["second"])[1], "an installer from elsewhere would have found it"
    installing = wait_state(mesh, "installing")
    assert fetched(mesh, installing["media"]) == (200, image.read_bytes()), "nothing on the image had to change"
    status, second = fetched(mesh, installing["second"])
    assert status == 200 and b"network --hostname" in second, status
    volume = mesh.folder / "second.img"
    volume.write_bytes(second)
    assert b"OEMDRV" in run("mlabel", "-s", "-i", volume, "::"), run("mlabel", "-s", "-i", volume, "::")
    assert run("mtype", "-i", volume, "::/ks.cfg") == f"network --hostname={WITH}.example.net\n".encode()
    succeeded(mesh.wait_done("with"))
    after = mesh.truth()[WITH]
    assert after["second"] == "", after
    assert fetched(mesh, installing["second"])[0] in (404, 410)


def check_refuses_a_bmc_with_one_slot(mesh):
    mesh.start_rollout("without", select={"servers": [WITHOUT]})
    deployment = mesh.wait_done("without")[WITHOUT]
    assert deployment["state"] == "FAILED" and deployment["fault"]["code"] == "NO_VIRTUAL_MEDIA", deployment
    assert "OEMDRV" in deployment["fault"]["seen"] and "USB stick" in deployment["fault"]["seen"], deployment
    assert not [act for act in mesh.acts("par1") if act.get("server") == WITHOUT and act["what"].startswith("insert")]


def two_slots_or_none():
    with tempfile.TemporaryDirectory(prefix="families-") as families:
        (pathlib.Path(families) / "oemdrv.yaml").write_text(FAMILY)
        with Mesh({"par1": 2}, install_ms=6000, agent_config={"familiesDir": families}) as mesh:
            mesh.image = build("rhel", mesh.folder)
            mesh.image_sha256 = run("sha256sum", mesh.image).split()[0].decode()
            mesh.apply_basics("oemdrv", proof={"minimum": "poweroff"})
            mesh.wait_ready()
            check_installs_beside_an_untouched_image(mesh, mesh.image)
            check_refuses_a_bmc_with_one_slot(mesh)
            mesh.check_truth(installed=[WITH], untouched=[WITHOUT])


if __name__ == "__main__":
    main([two_slots_or_none])
