#!/usr/bin/env python3
"""Judges the answers that mm_answers wrote, by the checkers of their installers where those can be had.

usage: judge.py CHECKERS FAMILY=FOLDER...      CHECKERS: as get_checkers.sh fills it

By checkers: kickstart (pykickstart: with METALMESH_LONG_TESTS every version it knows from RHEL 9 and Fedora 39 on), preseed (debconf-set-selections -c),
cloud-config (cloud-init's schema and its parser of ds=), network (netplan generate), Ignition (ignition-validate), XML
(xmllint), shell (shellcheck); and what each of them read is held against the order (values.py). By rules written from documents, because their installers' own checkers cannot be had here:
autoinstall (subiquity), Proxmox, ESXi, XCP-ng, Windows, AutoYaST, Agama. Prints each complaint; exits 1 if there is one.
"""
import collections
import ipaddress
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import warnings
import xml.etree.ElementTree as ET

sys.dont_write_bytecode = True
import readers  # noqa: E402
import values  # noqa: E402

complaints = []
missing = set()
judged = collections.Counter()


def complain(where, what):
    complaints.append(f"{where}: {what}")


def must(where, condition, what):
    if not condition:
        complain(where, what)


class Checkers:
    def __init__(self, folder):
        self.root = folder / "root"
        packages = self.root / "usr/lib/python3/dist-packages"
        if packages.exists():
            sys.path.append(str(packages))

    def run(self, name, paths, arguments, text=None, env=None):
        """The output of a checker that complains, or None; nothing to say if it is not there."""
        tool = next((str(p) for p in [self.root / path for path in paths] if p.exists()), None) or shutil.which(name)
        if tool is None:
            missing.add(name)
            return None
        done = subprocess.run([tool, *arguments], input=text, capture_output=True, text=True, env=env)
        judged[name] += 1
        return None if done.returncode == 0 else (done.stdout + done.stderr).strip()[:600] or f"exit {done.returncode}"

    def all_at_once(self, name, paths, arguments, files):
        for at in range(0, len(files), 200):
            wrong = self.run(name, paths, [*arguments, *map(str, files[at:at + 200])])
            if wrong:
                complain(files[at].parent, f"{name}: {wrong}")
        judged[name] += max(0, len(files) - 1)

    def xml(self, files):
        self.all_at_once("xmllint", ["usr/bin/xmllint"], ["--noout", "--nonet"], files)

    def shell(self, files, dialect):
        # 1090 1091: what is sourced is not there; 2016: dollars in quotes are meant; 2154: the disk is found above
        self.all_at_once("shellcheck", ["usr/bin/shellcheck"],
                         ["-s", dialect, "-S", "warning", "-e", "SC1090,SC1091,SC2016,SC2154,SC2148,SC2121,SC2086"], files)


read = values.read


def read_back(family, order, found, late=None):
    for difference in values.differences(family, order, found, late):
        complain(order, difference)
    judged["values read back"] += len(found)


def imported(name, load):
    try:
        return load()
    except ImportError as error:
        missing.add(f"{name} ({error})")
        return None


def rhel(checkers, orders):
    def load():
        import pykickstart.parser
        import pykickstart.version
        return pykickstart
    pykickstart = imported("pykickstart", load)
    if pykickstart is None:
        return
    known = pykickstart.version.versionMap
    versions = [v for v in known if re.fullmatch(r"RHEL(9|\d\d)", v) or re.fullmatch(r"F(39|[4-9]\d)", v)]
    if not os.environ.get("METALMESH_LONG_TESTS"):
        versions = ["RHEL9", "RHEL10", max(v for v in versions if v[0] == "F")]
    warnings.simplefilter("ignore")  # of a user's second key, which is taken
    must("pykickstart", versions, "knows no version of RHEL 9")
    scripts = []
    for order in orders:
        path = order / "ks.cfg"
        for version in versions:
            handler = pykickstart.version.makeVersion(version)
            parser = pykickstart.parser.KickstartParser(handler, missingIncludeIsFatal=False, errorsAreFatal=True)
            try:
                parser.readKickstartFromString(read(path))
            except Exception as error:  # whatever it is, Anaconda would stop
                complain(path, f"pykickstart {version}: {error}")
                break
            judged[f"pykickstart {version}"] += 1
        else:
            read_back("rhel", order, readers.rhel(order, handler))
            for number, script in enumerate(handler.scripts):
                scripts.append(order / f"script{number}")
                scripts[-1].write_text(script.script)
    checkers.shell(scripts, "bash")


def preseed(checkers, orders):
    for order in orders:
        wrong = checkers.run("debconf-set-selections", [], ["-c", str(order / "preseed.cfg")])
        if wrong:
            complain(order, f"debconf-set-selections: {wrong}")
        for line in read(order / "preseed.cfg").splitlines():
            must(order, line.startswith("#") or len(line.split(" ", 3)) >= 3, f"no line of a preseed: {line}")
        read_back("debian", order, *readers.debian(order))
    checkers.shell([o / "metalmesh/disk.sh" for o in orders], "sh")
    checkers.shell([o / "metalmesh/late.sh" for o in orders], "sh")


def cloud_init(orders):
    def load():
        import yaml
        from cloudinit.config import schema
        from cloudinit.sources.DataSourceNoCloud import parse_cmdline_data
        return yaml, schema, parse_cmdline_data
    return imported("cloud-init", load)


AUTOINSTALL = {"version", "locale", "keyboard", "timezone", "early-commands", "storage", "network", "ssh", "packages", "user-data",
               "late-commands", "shutdown"}


def netplan(checkers, order, network):
    with tempfile.TemporaryDirectory() as root:
        folder = pathlib.Path(root) / "etc/netplan"
        folder.mkdir(parents=True)
        (folder / "00.yaml").write_text(json.dumps({"network": network}))
        (folder / "00.yaml").chmod(0o600)
        libraries = str(checkers.root / "usr/lib/x86_64-linux-gnu")
        wrong = checkers.run("netplan", ["usr/libexec/netplan/generate", "lib/netplan/generate"], ["--root-dir", root],
                             env=dict(os.environ, LD_LIBRARY_PATH=libraries))
        if wrong:
            complain(order, f"netplan generate: {wrong}")


def ubuntu(checkers, orders):
    tools = cloud_init(orders)
    if tools is None:
        return
    yaml, schema, parse_cmdline_data = tools
    whole = schema.get_schema()
    scripts = []
    for order in orders:
        install = yaml.safe_load(read(order / "metalmesh/user-data"))["autoinstall"]
        must(order, set(install) <= AUTOINSTALL, f"autoinstall does not know {set(install) - AUTOINSTALL}")
        must(order, all(isinstance(c, str) for k in ("early-commands", "late-commands") for c in install.get(k, [])),
             "a command is no text")
        if "network" in install:
            netplan(checkers, order, install["network"])
        try:
            schema.validate_cloudconfig_schema(install["user-data"], whole, strict=True, log_deprecations=False)
            judged["cloud-init schema"] += 1
        except Exception as error:
            complain(order, f"cloud-init: {error}")
        arguments = read(pathlib.Path(f"{order}.arguments")).replace("\\;", ";").replace("\n", " ")
        filled = {}
        must(order, parse_cmdline_data("ds=nocloud", filled, arguments) and filled == {"seedfrom": "/cdrom/metalmesh/"},
             f"cloud-init's ds= is {filled}")
        read_back("ubuntu", order, readers.ubuntu(order, install))
        for number, command in enumerate(install["early-commands"]):
            scripts.append(order / f"early{number}")
            scripts[-1].write_text(command + "\n")
    checkers.shell(scripts, "sh")


def ignition(checkers, orders):
    for order in orders:
        path = order / "metalmesh/config.ign"
        wrong = checkers.run("ignition-validate", ["usr/bin/ignition-validate"], [str(path)])
        if wrong:
            complain(path, f"ignition-validate: {wrong}")
        read_back("coreos", order, readers.ignition(order, json.loads(read(path))))
    checkers.shell([o / "metalmesh/install.sh" for o in orders if (o / "metalmesh/install.sh").exists()], "bash")


def esxi(_checkers, orders):  # "Installation and Upgrade Script Commands"
    for order in orders:
        text = read(order / "KS.CFG")
        commands = collections.Counter(line.split()[0] for line in text.split("\n%")[0].splitlines() if line and line[0] != "#")
        for command in ("vmaccepteula", "rootpw", "install", "network", "reboot", "keyboard"):
            must(order, commands[command] == 1, f"{commands[command]} times {command}")
        must(order, set(commands) <= {"vmaccepteula", "rootpw", "install", "network", "reboot", "keyboard"}, f"unknown: {commands}")
        must(order, re.search(r"^install --disk=\S+ --overwritevmfs$", text, re.M), "no disk")
        read_back("esxi", order, readers.esxi(order))
        judged["rules of ESXi"] += 1


def proxmox(_checkers, orders):  # "Automated Installation", answer file format
    for order in orders:
        answer = tomllib.loads(read(order / "answer.toml"))
        general, network, disk = answer["global"], answer["network"], answer["disk-setup"]
        must(order, general["timezone"] == "UTC" or re.fullmatch(r"(?!Etc/)[A-Z]\w+/[\w/+-]+", general["timezone"]), "timezone")
        must(order, re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", general["fqdn"]), "fqdn")
        must(order, general["root-password-hashed"].startswith("$"), "root-password-hashed")
        must(order, all(key.split()[0].count("-") for key in general["root-ssh-keys"]), "root-ssh-keys")
        if network["source"] == "from-answer":
            inside = ipaddress.ip_interface(network["cidr"])
            gateway = ipaddress.ip_address(network["gateway"])
            must(order, gateway in inside.network or gateway.is_link_local, "gateway")
            ipaddress.ip_address(network["dns"])
            must(order, len(network["filter"]) == 1, "filter of the card")
        else:
            must(order, network == {"source": "from-dhcp"}, "network")
        must(order, len(disk["filter"]) == 1, "one filter of disks")
        read_back("proxmox", order, readers.proxmox(order))
        judged["rules of Proxmox"] += 1


elements = readers.elements


def xcp_ng(checkers, orders):  # host-installer, doc/answerfile.txt
    checkers.xml([o / "xsinst/answerfile.xml" for o in orders])
    for order in orders:
        root = elements(order / "xsinst/answerfile.xml")
        interface = root.find("admin-interface")
        must(order, root.findtext("root-password", "").startswith("$"), "root-password")
        must(order, interface.get("name") or interface.get("hwaddr"), "which card")
        must(order, interface.get("proto") in ("dhcp", "static", "none"), "proto")
        if interface.get("proto") == "static":
            must(order, all(interface.findtext(tag) for tag in ("ipaddr", "subnet", "gateway")), "static without all of it")
        must(order, root.findtext("primary-disk", "").startswith("/"), "primary-disk")
        read_back("xcp-ng", order, readers.xcp_ng(order))
        judged["rules of XCP-ng"] += 1
    checkers.shell([o / "xsinst/metalmesh-off.sh" for o in orders], "sh")


def windows(checkers, orders):  # Unattended Windows Setup Reference
    checkers.xml([o / "Autounattend.xml" for o in orders])
    for order in orders:
        root = elements(order / "Autounattend.xml")
        must(order, re.fullmatch(r"(?!\d+$)[A-Za-z0-9-]{1,15}", root.findtext(".//ComputerName")), "ComputerName")
        for tag in ("UILanguage", "SystemLocale", "UserLocale"):
            must(order, all(re.fullmatch(r"[a-z]{2,3}-[A-Z]{2}", e.text or "") for e in root.iter(tag) if len(e) == 0), tag)
        for address in root.iter("UnicastIpAddresses"):
            for one in address:
                ipaddress.ip_interface(one.text)
        for interface in root.iter("Interface"):
            must(order, interface.findtext("Identifier"), "an interface without its card")
        read_back("windows", order, readers.windows(order))
        judged["rules of Windows"] += 1


def autoyast(checkers, orders):  # AutoYaST Guide, "Network configuration"
    checkers.xml([o / "autoinst.xml" for o in orders])
    scripts = []
    for order in orders:
        root = elements(order / "autoinst.xml")
        for interface in root.iter("interface"):
            counted = collections.Counter(child.tag for child in interface)
            must(order, max(counted.values()) == 1, f"twice in an interface: {counted.most_common(1)}")
            must(order, interface.findtext("bootproto") in ("static", "dhcp4", "none"), "bootproto")
        must(order, re.fullmatch(r"[a-z]{2,3}_[A-Z]{2}", root.findtext("language/language")), "language")
        read_back("autoyast", order, readers.autoyast(order))
        for number, script in enumerate(root.iter("source")):
            scripts.append(order / f"script{number}")
            scripts[-1].write_text(script.text or "")
    judged["rules of AutoYaST"] += len(orders)
    checkers.shell(scripts, "sh")


AGAMA = {"product", "hostname", "localization", "root", "network", "storage", "software", "scripts"}


def agama(checkers, orders):  # Agama's user documentation of the profile
    scripts = []
    for order in orders:
        profile = json.loads(read(order / "autoinst.json"))
        must(order, set(profile) <= AGAMA, f"unknown: {set(profile) - AGAMA}")
        for connection in profile.get("network", {}).get("connections", []):
            must(order, {"bond", "vlan"} - set(connection), "a bond that is a VLAN")
            must(order, connection["method4"] in ("auto", "manual", "disabled") and
                 connection["method6"] in ("manual", "disabled"), "method")
            for address in connection["addresses"]:
                ipaddress.ip_interface(address)
        read_back("agama", order, readers.agama(order))
        for number, script in enumerate(profile["scripts"]["post"]):
            scripts.append(order / f"script{number}")
            scripts[-1].write_text(script["content"])
    judged["rules of Agama"] += len(orders)
    checkers.shell(scripts, "sh")


JUDGES = {"rhel": rhel, "debian": preseed, "ubuntu": ubuntu, "coreos": ignition, "flatcar": ignition, "esxi": esxi,
          "proxmox": proxmox, "xcp-ng": xcp_ng, "windows": windows, "autoyast": autoyast, "agama": agama}


def main():
    checkers = Checkers(pathlib.Path(sys.argv[1]))
    for argument in sys.argv[2:]:
        family, folder = argument.split("=", 1)
        orders = sorted(p for p in pathlib.Path(folder).iterdir() if p.is_dir())
        must(family, orders, "there are no orders to judge")
        before = len(complaints)
        try:
            JUDGES[family](checkers, orders)
        except (KeyError, ValueError, UnicodeError, ET.ParseError, AttributeError, TypeError) as error:
            complain(family, f"its answers cannot be read: {error!r}")
        print(f"{family}: {len(orders)} orders, {len(complaints) - before} complaints", flush=True)
    for name in sorted(missing):
        print(f"not judged, for want of it: {name}")
    for complaint in complaints[:40]:
        print(complaint)
    print(", ".join(f"{name}: {count}" for name, count in sorted(judged.items())))
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
