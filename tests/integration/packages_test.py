#!/usr/bin/env python3
"""Package trees served out of an ISO, over plain HTTP to the host network: every file is what other tools extract, and apt
and dnf install from them. BIG_FILE=1 (tests/run --full) adds a file of more than 4 GiB, which an ISO keeps in several extents."""
import gzip
import hashlib
import html
import http.client
import os
import pathlib
import re
import shutil
import subprocess
import urllib.parse

from mesh import ENV, Mesh, main, wait_until

TEMPLATE = "install\ndeployment={{deployment}} hostname={{hostname}}\n{{#packages}}packages={{url}}\n{{/packages}}"
BIG = 4 * 2**30 + 12_345_678


def run(*argv, **more):
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, env=ENV, check=False, **more)
    assert done.returncode == 0, (argv, done.stdout[-3000:], done.stderr[-3000:])
    return done.stdout


# ---- repositories ---------------------------------------------------------------------------------------

def make_deb(pool, folder, name, version, depends=""):
    root = folder / f"deb-{name}"
    (root / "DEBIAN").mkdir(parents=True)
    (root / "opt/mesh").mkdir(parents=True)
    (root / "opt/mesh" / name).write_text(f"{name} {version}\n")
    (root / "DEBIAN/control").write_text(f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: nobody <n@example.org>\n"
                                         + (f"Depends: {depends}\n" if depends else "") + "Description: for a test\n")
    run("dpkg-deb", "--build", "--root-owner-group", root, pool / f"{name}_{version}_all.deb")


def make_debian(tree, folder):
    pool, binary = tree / "pool/main/m", tree / "dists/bookworm/main/binary-amd64"
    pool.mkdir(parents=True)
    binary.mkdir(parents=True)
    make_deb(pool, folder, "mesh-base", "1.0+b1~rc2")
    make_deb(pool, folder, "mesh-tool", "2.0", depends="mesh-base (>= 1.0)")
    packages = run("apt-ftparchive", "packages", "pool", cwd=tree)
    (binary / "Packages").write_text(packages)
    (binary / "Packages.gz").write_bytes(gzip.compress(packages.encode(), mtime=0))
    release = run("apt-ftparchive", "-o", "APT::FTPArchive::Release::Codename=bookworm", "-o",
                  "APT::FTPArchive::Release::Components=main", "-o", "APT::FTPArchive::Release::Architectures=amd64", "release",
                  "dists/bookworm", cwd=tree)
    (tree / "dists/bookworm/Release").write_text(release)
    (tree / "dists/stable").symlink_to("bookworm")
    (tree / "debian").symlink_to(".")


def make_rpms(tree, folder):
    spec = folder / "mesh-rpm.spec"
    spec.write_text("Name: mesh-rpm\nVersion: 3.0\nRelease: 1\nSummary: for a test\nLicense: none\nBuildArch: noarch\n"
                    "%description\nfor a test\n%install\nmkdir -p %{buildroot}/opt/mesh\necho mesh-rpm > %{buildroot}/opt/mesh/rpm\n"
                    "%files\n/opt/mesh/rpm\n")
    run("rpmbuild", "-bb", "--define", f"_topdir {folder}/rpm", spec)
    (tree / "BaseOS/Packages").mkdir(parents=True)
    shutil.copy(folder / "rpm/RPMS/noarch/mesh-rpm-3.0-1.noarch.rpm", tree / "BaseOS/Packages")
    run("createrepo_c", "-q", tree / "BaseOS")


def make_odd_names(tree):
    odd = tree / "odd/a/b/c/d/e/f/g/h/i"  # deeper than ISO 9660 allows: Rock Ridge relocates it
    odd.mkdir(parents=True)
    for name in ["with space", "percent%41", "plus+tilde~", "é-ü.txt", "question?mark", "hash#", "quote\"s<b>&amp;", "x" * 60]:
        (odd / name).write_text(f"content of {name}\n")
    (odd / "empty").touch()
    (odd / "large").write_bytes(os.urandom(3_000_000))


# ---- reading a tree over HTTP ---------------------------------------------------------------------------

class Tree:
    def __init__(self, url):
        self.url, self.parts = url, urllib.parse.urlsplit(url)
        self.connection = http.client.HTTPConnection(self.parts.netloc, timeout=20)

    def get(self, path, headers=None, method="GET"):
        """(status, headers, body) of a path below the tree; `path` is not escaped yet."""
        return self.get_raw(self.parts.path + urllib.parse.quote(path), headers, method)

    def get_raw(self, target, headers=None, method="GET"):
        self.connection.request(method, target, headers=headers or {})
        reply = self.connection.getresponse()
        return reply.status, reply.headers, reply.read()

    def names(self, path="/"):
        """Every file, by following the listings."""
        status, _, page = self.get(path)
        assert status == 200, (path, status)
        for link in re.findall(r'href="([^"]*)"', page.decode()):
            below = urllib.parse.unquote(html.unescape(link))
            assert below.startswith(self.parts.path + path), link
            name = below[len(self.parts.path):]
            if name.endswith("/"):
                yield from self.names(name)
            else:
                yield name


def digests(folder):
    out = {}
    for path in pathlib.Path(folder).rglob("*"):
        if path.is_file() and not path.is_symlink():
            out["/" + str(path.relative_to(folder))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return out


def check_same(tree, folder, links=()):
    """The tree has exactly the files of `folder`, byte for byte."""
    wanted = digests(folder)
    assert sorted(set(tree.names()) - set(links)) == sorted(wanted), set(tree.names()) ^ set(wanted)
    for name, digest in wanted.items():
        status, headers, body = tree.get(name)
        assert status == 200 and int(headers["Content-Length"]) == len(body), (name, status)
        assert hashlib.sha256(body).hexdigest() == digest, name


def check_http(tree):
    name = "/odd/a/b/c/d/e/f/g/h/i/large"
    whole, etag = tree.get(name)[2], tree.get(name)[1]["ETag"]
    status, headers, part = tree.get(name, {"Range": "bytes=1000000-1999999", "If-Range": etag})
    assert (status, part) == (206, whole[1000000:2000000]) and headers["Content-Range"] == f"bytes 1000000-1999999/{len(whole)}"
    assert tree.get(name, method="HEAD")[1]["Content-Length"] == str(len(whole))
    assert tree.get(name, {"Range": f"bytes={len(whole)}-"})[0] == 416
    assert tree.get("/no/such/file")[0] == 404
    for attempt in ("/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc/passwd", "/%00", "/%zz"):
        assert tree.get_raw(tree.parts.path + attempt)[0] == 400, attempt
    for elsewhere in ("/", "/m/x.iso", "/p/" + "0" * 32 + "/pool"):
        assert tree.get_raw(elsewhere)[0] == 404, elsewhere


def check_big(tree, big):
    with open(big, "rb") as file:
        for at in (0, 2**32 - 2**20, 2**32 - 1, 2**32, BIG - 1000):
            file.seek(at)
            status, _, part = tree.get("/big", {"Range": f"bytes={at}-{at + 2**21 - 1}"})
            assert status == 206 and part == file.read(2**21), at
    assert tree.get("/big", method="HEAD")[1]["Content-Length"] == str(BIG)


# ---- clients that others wrote --------------------------------------------------------------------------

def install_with_apt(url, folder):
    """`apt-get update` and `install` into a folder of its own, with the dependency."""
    root = folder / "apt-root"
    for name in ("etc/apt/apt.conf.d", "etc/apt/preferences.d", "var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/apt/lists/partial",
                 "var/cache/apt/archives/partial", "var/log/apt"):
        (root / name).mkdir(parents=True)
    (root / "var/lib/dpkg/status").touch()
    (root / "etc/apt/sources.list").write_text(f"deb [trusted=yes] {url}/debian stable main\n")
    options = {"Dir": root, "Dir::State::status": root / "var/lib/dpkg/status", "Dir::Bin::dpkg": "/usr/bin/dpkg",
               "Dir::Bin::methods": "/usr/lib/apt/methods", "Dir::Log": root / "var/log/apt", "APT::Architecture": "amd64",
               "APT::Architectures::": "amd64", "APT::Sandbox::User": "root", "DPkg::Options::": f"--root={root}",
               "Acquire::Languages": "none", "APT::Install-Recommends": "false"}
    apt = ["apt-get", "-q", "-y", *[part for key, value in options.items() for part in ("-o", f"{key}={value}")]]
    run(*apt, "update", timeout=60)
    run(*apt, "install", "mesh-tool", timeout=60)
    assert (root / "opt/mesh/mesh-tool").read_text() == "mesh-tool 2.0\n"
    assert (root / "opt/mesh/mesh-base").read_text() == "mesh-base 1.0+b1~rc2\n"


def install_with_dnf(url, folder):
    root = folder / "dnf-root"
    (folder / "dnf-log").mkdir()
    run("dnf", "-y", "-q", f"--installroot={root}", f"--repofrompath=mesh,{url}/BaseOS", "--repo=mesh", "--nogpgcheck", "--noplugins",
        "--releasever=1", f"--setopt=cachedir={folder}/dnf-cache", f"--setopt=logdir={folder}/dnf-log",
        f"--setopt=persistdir={folder}/dnf-state", "--setopt=reposdir=/dev/null", "install", "mesh-rpm", timeout=60)
    assert (root / "opt/mesh/rpm").read_text() == "mesh-rpm\n"


# ---- the mesh -------------------------------------------------------------------------------------------

def image_object(name, path):
    digest = run("sha256sum", path).split()[0]
    return {"kind": "Image", "metadata": {"name": name}, "spec": {
        "family": "placeholder", "iso": {"urls": [f"file://{path}"], "sha256": digest, "size": path.stat().st_size}}}


def profile_object(name, **spec):
    return {"kind": "Profile", "metadata": {"name": name}, "spec": {
        "family": "placeholder", "template": {"inline": TEMPLATE}, "maxRun": "900s", "stallAfter": "900s",
        "proof": {"minimum": "poweroff"}, **spec}}


def tree_of(mesh, server):
    """The tree of a server whose installer runs, by what its answer file says."""
    wait_until(f"the installer of {server} runs", lambda: mesh.truth()[server]["installs"], 30)
    medium = subprocess.run(["curl", "-sS", "--cacert", str(mesh.pki / "ca.crt"), mesh.truth()[server]["media"]], env=ENV,
                            capture_output=True, check=True, timeout=60).stdout
    found = re.search(rb"\npackages=(\S+)\n", medium)
    assert found, "its answer file names no packages"
    return Tree(found.group(1).decode())


def package_trees_are_served_out_of_images():
    patient = {"timeouts": {"stall": "600s", "firstRead": "300s"}}
    with Mesh({"par1": 2}, install_ms=300_000, agent_config=patient, media_config={"packagesListen": "127.0.0.1:0"}) as mesh:
        mesh.apply_basics()
        source, dvd, joliet = mesh.folder / "tree", mesh.folder / "dvd.iso", mesh.folder / "joliet.iso"
        make_debian(source, mesh.folder)
        make_rpms(source, mesh.folder)
        make_odd_names(source)
        if os.environ.get("BIG_FILE"):
            with open(source / "big", "wb") as big:
                big.seek(2**32 - 500)
                big.write(os.urandom(1000))
                big.truncate(BIG)
        run("xorriso", "-report_about", "SORRY", "-as", "mkisofs", "-quiet", "-R", "-iso-level", "3", "-V", "DVD", "-o", dvd, source)
        run("genisoimage", "-quiet", "-J", "-joliet-long", "-iso-level", "1", "-V", "JOLIET", "-input-charset", "utf-8", "-o", joliet,
            source / "BaseOS")
        mesh.apply("packages", image_object("dvd", dvd), image_object("joliet", joliet),
                   profile_object("apt", packages="siteHttp", packagesImage="dvd"),
                   profile_object("rpm", packages="siteHttp", packagesImage="joliet"))
        mesh.wait_ready()
        mesh.start_rollout("one", select={"servers": ["par1-n001"]}, profile="apt")
        mesh.start_rollout("two", select={"servers": ["par1-n002"]}, profile="rpm")

        tree = tree_of(mesh, "par1-n001")
        extracted = mesh.folder / "extracted"
        run("xorriso", "-report_about", "SORRY", "-osirrox", "on", "-indev", dvd, "-extract", "/", extracted)
        if os.environ.get("BIG_FILE"):
            check_big(tree, source / "big")
            (extracted / "big").unlink()
        links = ["/debian", "/dists/stable"] + (["/big"] if os.environ.get("BIG_FILE") else [])
        check_same(tree, extracted, links)
        assert tree.get("/debian/dists/stable/Release")[2] == (source / "dists/bookworm/Release").read_bytes()
        check_http(tree)
        install_with_apt(tree.url, mesh.folder)
        install_with_dnf(tree.url, mesh.folder)

        other = tree_of(mesh, "par1-n002")
        run("7z", "x", "-bd", f"-o{mesh.folder}/unpacked", joliet)
        check_same(other, mesh.folder / "unpacked")
        wait_until("what was read of it is told",
                   lambda: int(mesh.deployments("one")["par1-n001"].get("packageBytes", "0")) > 3_000_000, 20)
        assert 10 <= mesh.deployments("one")["par1-n001"]["percent"] < 100


if __name__ == "__main__":
    main([package_trees_are_served_out_of_images])
