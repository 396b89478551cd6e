#!/usr/bin/env python3
"""debian-installer takes the answers that family debian renders: it says them, configures its network by them, and asks the
mirror they name.

Kernel and initrd are Debian 12's for the network, the only ones that come as a package, on an image laid out like a CD. That
initrd has no driver for a CD, so a family of the site's own (no rebuild) hands the same preseed.cfg over in an initrd of its
own, which GRUB loads behind Debian's. The mirror here has nothing: what d-i would fetch next is not part of the proof.
"""
import http.server
import pathlib
import sys
import tempfile
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from machine import SERVER, MachineMesh, main, wait_until  # noqa: E402
from os_family_test import site_family  # noqa: E402
from uefi import debian_iso, signed_grub, unpacked  # noqa: E402

INSTALLER = "usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64"
ADDRESS = "10.0.2.15"  # in the machine's own network, where our loopback is 10.0.2.2
HASH = ("$6$saltsalt$UiZikbV3VeeBPsg8./Q5DAfq9aj7CVZMDU6ffBiBLgUEpxv7LMXKbcZ9JSZnYDrZQftdG319XkbLVMvWcF/Vr/")
QUESTIONS = ("netcfg/get_hostname", "netcfg/get_domain", "netcfg/get_ipaddress", "time/zone", "debian-installer/locale",
             "mirror/http/hostname", "passwd/root-password-crypted")
TELL = ('      d-i preseed/early_command string for q in ' + " ".join(QUESTIONS) +
        '; do echo "TAKEN $q=$(debconf-get $q)"; done > /dev/ttyS0\n')


class Mirror(http.server.BaseHTTPRequestHandler):
    """Remembers who asked for what, and has nothing."""
    asked = []

    def do_GET(self):
        self.asked.append(self.path)
        self.send_error(404)

    def log_message(self, *_):
        pass


def takes_our_answers():
    mirror = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
    threading.Thread(target=mirror.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="preseed-") as scratch:
        folder = pathlib.Path(scratch)
        parts = unpacked("debian-installer-12-netboot-amd64") / INSTALLER
        families = site_family(
            folder / "families", "debian-netboot", "debian",
            ("      - preseed/file=/cdrom/preseed.cfg\n", "      - DEBIAN_FRONTEND=text\n      - console=ttyS0\n      - net.ifnames=0\n"),
            ('    entry: "Install"\n', '    entry: "Install"\n    initrd: [/metalmesh/preseed.cpio]\n'),
            ("  - path: /preseed.cfg\n", "  - path: /metalmesh/preseed.cpio\n    cpioMember: preseed.cfg\n"),
            ("      d-i debian-installer/locale string", TELL + "      d-i debian-installer/locale string"))
        image = debian_iso(folder, parts / "linux", parts / "initrd.gz", signed_grub())
        with MachineMesh("memory-mib=1024", image=image, families=families) as mesh:
            mesh.apply_basics("debian-netboot", proof={"minimum": "poweroff"}, maxRun="30m", stallAfter="20m",
                              vars={"mirror": f"10.0.2.2:{mirror.server_port}"},
                              host={"domain": "par1.acme.net", "timezone": "Europe/Berlin", "locale": "de_DE.UTF-8",
                                    "network": {"dns": ["10.0.2.3"], "links": [{
                                        "name": "eth0", "addresses": [f"{ADDRESS}/24"], "gateways": ["10.0.2.2"]}]},
                                    "root": {"passwordHash": HASH}})
            mesh.wait_ready(timeout=120)
            mesh.start_install()
            mesh.wait_console("TAKEN passwd", timeout=900)
            taken = dict(line.removeprefix("TAKEN ").split("=", 1) for line in mesh.console().splitlines()
                         if line.startswith("TAKEN "))
            print("   " + "\n   ".join(f"{question} = {answer}" for question, answer in taken.items()), flush=True)
            assert taken == {"netcfg/get_hostname": SERVER, "netcfg/get_domain": "par1.acme.net",
                             "netcfg/get_ipaddress": ADDRESS, "time/zone": "Europe/Berlin",
                             "debian-installer/locale": "de_DE.UTF-8", "mirror/http/hostname": f"10.0.2.2:{mirror.server_port}",
                             "passwd/root-password-crypted": HASH}, taken
            wait_until("d-i asks the mirror", lambda: Mirror.asked, 600)
            print(f"   GET {Mirror.asked[0]}")
            assert Mirror.asked[0].startswith("/debian/dists/"), Mirror.asked
            assert mesh.deployment()["state"] not in ("FAILED", "INDETERMINATE"), mesh.deployment()
    mirror.shutdown()


if __name__ == "__main__":
    main([takes_our_answers])
