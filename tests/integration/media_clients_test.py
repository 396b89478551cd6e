#!/usr/bin/env python3
"""A medium as programs of others read it over HTTPS: whole, in ranges side by side, and as a block device. All see the same
bytes, and what they ask for out of turn is answered as RFC 9110 says."""
import hashlib
import subprocess

from mesh import ENV, Mesh, main, wait_until

PATIENT = {"timeouts": {"stall": "300s", "firstRead": "300s"}}


class Medium:
    """The medium of a server whose installer runs for as long as the test does."""

    def __init__(self, mesh):
        self.ca, self.folder = str(mesh.pki / "ca.crt"), mesh.folder
        self.url = mesh.truth()["par1-n001"]["media"]

    def run(self, *argv):
        done = subprocess.run([str(a) for a in argv], env=ENV, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, (argv, done.stdout, done.stderr)
        return done.stdout

    def curl(self, *options):
        return self.run("curl", "-sS", "--cacert", self.ca, *options, self.url)

    def status(self, *options):
        return int(self.curl("-o", "/dev/null", "-w", "%{http_code}", *options))

    def content(self, name):
        return hashlib.sha256((self.folder / name).read_bytes()).hexdigest()


def foreign_clients_see_the_same_bytes():
    with Mesh({"par1": 1}, install_ms=300_000, agent_config=PATIENT) as mesh:
        mesh.make_image(32)
        mesh.apply_basics(maxRun="900s", stallAfter="900s")
        mesh.wait_ready()
        mesh.start_rollout("web", select={"servers": ["par1-n001"]})
        wait_until("its installer runs", lambda: mesh.truth()["par1-n001"]["installs"], 30)
        medium = Medium(mesh)
        medium.curl("-o", "/dev/null")  # it was booted: from here on it starts nothing, and stays as it is
        medium.curl("-o", mesh.folder / "whole")
        whole = (mesh.folder / "whole").read_bytes()
        assert len(whole) == mesh.image.stat().st_size and whole != mesh.image.read_bytes(), "it is the server's own version"

        medium.run("aria2c", "-q", "-x16", "-s16", "-k1M", f"--ca-certificate={medium.ca}", "--file-allocation=none", "-d",
                   mesh.folder, "-o", "sixteen", medium.url)
        medium.run("nbdkit", "-U", "-", "curl", f"url={medium.url}", f"cainfo={medium.ca}", "--run",
                   f"nbdcopy $uri {mesh.folder}/device")
        assert medium.content("sixteen") == medium.content("device") == medium.content("whole")

        head = dict(line.split(": ", 1) for line in medium.curl("-I").splitlines()[1:] if ": " in line)
        assert int(head["Content-Length"]) == len(whole) and head["Accept-Ranges"] == "bytes", head
        assert medium.status("-r", "0-9", "-H", f"If-Range: {head['ETag']}") == 206
        assert medium.status("-r", "0-9", "-H", 'If-Range: "another"') == 200
        assert medium.status("-r", f"{len(whole)}-") == 416
        assert medium.status("-r", "0-9,100-109") == 206


if __name__ == "__main__":
    main([foreign_clients_see_the_same_bytes])
