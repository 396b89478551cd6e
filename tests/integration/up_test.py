#!/usr/bin/env python3
"""`metalmesh up`: a mesh in one terminal that installs, survives kill -9 of each of its parts, keeps its state and
leaves nothing behind."""
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

from mesh import BIN, ENV, ROOT, main, wait_until
from up_mesh import UpMesh


def fresh():
    return pathlib.Path(tempfile.mkdtemp(prefix="mm-up-"))


def gone(pids):
    """None of them runs; a zombie that nobody reaps any more counts as gone."""
    def runs(pid):
        try:
            return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
        except OSError:
            return False
    return not any(runs(pid) for pid in pids)


def install(mesh, server):
    serial = mesh.get("server", server)["spec"]["identity"]["serial"]
    watched = mesh.cli("install", server, "--image", "mm", "--profile", "base", "--confirm", serial, "--watch")
    assert "SUCCEEDED" in watched.stdout, watched.stdout
    assert mesh.phases()[server] == "installed"


def fill(mesh):
    """Three simulated servers at site par1, ready to be installed."""
    servers = mesh.simulate("par1", 3)
    mesh.apply("basics", [{"kind": "Credential", "metadata": {"name": "par1-bmc"}, "spec": {"site": "par1"}}, *mesh.make_image()])
    mesh.apply("servers", servers)
    mesh.inspect()


def it_installs_and_survives():
    with UpMesh(fresh()) as mesh:
        mesh.start("--port", "0", "--site", "par1", "--site", "ams1")
        children = mesh.children()
        assert list(children) == ["broker", "controller", "media par1", "agent par1", "media ams1", "agent ams1"], children
        assert os.stat(mesh.data).st_mode & 0o777 == 0o700
        fill(mesh)
        install(mesh, "par1-n001")

        for name, pid in children.items():
            os.kill(pid, signal.SIGKILL)
            wait_until(f"{name} is back", lambda: mesh.children()[name] != pid, 60)
            assert f"{name} ended (killed by signal 9" in mesh.up.text(), mesh.up.text()
        assert mesh.phases()["par1-n001"] == "installed"
        install(mesh, "par1-n002")

        settings = (mesh.data / "up.yaml").read_text()
        children = mesh.children()
        os.kill(mesh.up.process.pid, signal.SIGINT)
        assert mesh.up.process.wait(30) == 0, mesh.up.text()
        stopped = [line.split(" ", 1)[1] for line in mesh.up.text().splitlines() if line.endswith(" stopped")]
        assert stopped == [f"{name} stopped" for name in ("agent ams1", "media ams1", "agent par1", "media par1", "controller",
                                                          "broker")], mesh.up.text()
        assert gone(children.values()), children

        mesh.start()
        assert (mesh.data / "up.yaml").read_text() == settings
        assert mesh.phases() == {"par1-n001": "installed", "par1-n002": "installed", "par1-n003": "ready"}, mesh.phases()
        install(mesh, "par1-n003")

        children = mesh.children()
        mesh.up.kill()
        wait_until("no child outlives it", lambda: gone(children.values()), 10)
        mesh.start("--site", "lyo2")
        assert {s["metadata"]["name"]: s["status"].get("connected") for s in mesh.get("sites")["items"]} == {
            "par1": True, "ams1": True, "lyo2": True}
        assert mesh.up.stop(30) == 0


def refused(*words, data=None, env=None):
    """`metalmesh up` that must not come up; what it says."""
    argv = [BIN / "metalmesh", "up", "--data", data or fresh() / "mesh", *words]
    result = subprocess.run([str(a) for a in argv], capture_output=True, text=True, timeout=60, env=env or ENV)
    assert result.returncode == 1, (words, result)
    return result.stderr


def it_refuses_clearly():
    with UpMesh(fresh()) as mesh:
        mesh.start("--port", "0")
        assert f"pid {mesh.up.process.pid}" in refused(data=mesh.data)
        api = int((mesh.data / "client.yaml").read_text().split("localhost:")[1].split()[0])
        said = refused("--port", api)
        assert f"port {api}" in said and f"(pid {mesh.children()['controller']})" in said, said
        assert mesh.up.stop(30) == 0
    home = fresh()
    (home / "letter.txt").write_text("dear")
    assert "was not made by metalmesh up" in refused(data=home)
    assert os.listdir(home) == ["letter.txt"]
    assert "site name" in refused("--site", "Par 1")
    assert "without a port" in refused("--media-address", "10.0.0.1:80")
    lonely = fresh() / "metalmesh"
    shutil.copy(BIN / "metalmesh", lonely)
    argv = [str(lonely), "up", "--data", str(fresh() / "mesh")]
    said = subprocess.run(argv, capture_output=True, text=True, env={**ENV, "PATH": "/usr/bin:/bin"}, timeout=60)
    assert said.returncode == 1 and "metalmesh-controller is neither in" in said.stderr, said


def a_part_that_cannot_start_says_why():
    with UpMesh(fresh()) as mesh:
        mesh.start("--port", "0")
        assert mesh.up.stop(30) == 0
        # A person took the controller's file over and made a mistake in it.
        config = mesh.data / "controller.yaml"
        config.write_text(config.read_text().split("\n", 1)[1].replace("signingKey: pki/", "signingKey: nowhere/"))
        said = refused(data=mesh.data)
        assert "controller did not come up: exit code 2" in said and "nowhere/controller-sign.key" in said, said


def the_broker_is_the_one_of_broker_config():
    folder = fresh()
    with UpMesh(folder) as mesh:
        mesh.start("--port", "0")
        port = (mesh.data / "up.yaml").read_text().split("brokerPort: ")[1].split()[0]
        rendered = folder / "mosquitto.conf"
        subprocess.run([str(ROOT / "broker-config/render.sh"), str(mesh.data / "pki"), port, str(rendered), "127.0.0.1"], check=True)
        def directives(path, acl):
            lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#") and line != "user root"]
            return [line.replace(str(acl), "ACL") for line in lines]
        ours = directives(mesh.data / "mosquitto.conf", mesh.data / "mosquitto.acl")
        assert ours == directives(rendered, folder / "mosquitto.acl"), ours
        assert (mesh.data / "mosquitto.acl").read_text().endswith((folder / "mosquitto.acl").read_text())


if __name__ == "__main__":
    main([it_installs_and_survives, it_refuses_clearly, a_part_that_cannot_start_says_why, the_broker_is_the_one_of_broker_config])
