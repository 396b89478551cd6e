#!/usr/bin/env python3
"""Every OS family through a whole mesh: images laid out like the vendor's, two orders each, and what their servers read.

The images are built here from free parts, after tests/unit/answer/golden/<family>/image: the vendor's file names, boot
menus and label over invented contents. Each order of golden/ is installed on a simulated server of its own. While its
installer runs, the medium is fetched from the agent's HTTPS URL and taken apart with xorriso, isoinfo, 7z and mtools:
answer file and boot configuration must be that order's golden ones, every other file must be the vendor's.
"""
import hashlib
import pathlib
import re
import shutil
import ssl
import subprocess
import urllib.request

from mesh import ROOT, Mesh, main, succeeded, wait_until

GOLDEN = ROOT / "tests/unit/answer/golden"
# An installer that waits for us is not stalled.
PATIENT = {"timeouts": {"unreachable": "60s", "bmcLost": "300s", "firstRead": "60s", "power": "60s", "stall": "300s"}}
OURS = ("hostname", "deployment", "server", "callback_url")  # variables that the mesh itself gives
# What others wrote to judge such files; yaml, xml, json and toml the agent itself parses.
CHECKERS = {r"grub.*\.cfg$": ["grub-script-check"], r"\.sh$": ["sh", "-n"], r"preseed\.cfg$": ["debconf-set-selections", "--checkonly"]}
NOT_COMPARED = ("boot.catalog", "boot.cat", "[boot]", "images/efiboot.img")


def run(*command, **more):
    done = subprocess.run([str(c) for c in command], capture_output=True, check=False, **more)
    assert done.returncode == 0, (command, done.stdout[-1500:], done.stderr[-1500:])
    return done.stdout


def unpacked(content):
    """Of a cpio archive the one file in it."""
    return run("cpio", "--quiet", "-i", "--to-stdout", input=content) if content.startswith(b"070701") else content


def below(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file() and not p.is_symlink()}


# ---- images ---------------------------------------------------------------------------------------------

def plant(family, tree):
    for name in (GOLDEN / family / "image/files").read_text().split():
        path = tree / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        # The simulated host takes it for the point where an installer is complete.
        path.write_bytes(hashlib.sha512(f"{family}{name}".encode()).digest() * 99 + b"\ndeployment=simulated\n")
    if (GOLDEN / family / "image/texts").exists():
        shutil.copytree(GOLDEN / family / "image/texts", tree, dirs_exist_ok=True)
    if (tree / "EFI/BOOT/grub.cfg").exists():
        (tree / "images").mkdir(exist_ok=True)
        fat = tree / "images/efiboot.img"
        run("mformat", "-C", "-i", fat, "-f", "1440", "::")
        run("mmd", "-i", fat, "::/EFI", "::/EFI/BOOT")
        run("mcopy", "-i", fat, tree / "EFI/BOOT/grub.cfg", "::/EFI/BOOT/grub.cfg")


def build(family, folder):
    """Windows comes as UDF, ESXi without Rock Ridge, the others as Linux distributions make them."""
    tree, image = folder / f"{family}-tree", folder / f"{family}.iso"
    plant(family, tree)
    label = (GOLDEN / family / "image/volume-id").read_text().strip()
    if family == "windows":
        run("genisoimage", "-quiet", "-udf", "-iso-level", "3", "-V", label, "-e", "efi/microsoft/boot/efisys.bin",
            "-no-emul-boot", "-o", image, tree)
    elif family == "esxi":
        run("genisoimage", "-quiet", "-iso-level", "1", "-V", label, "-o", image, tree)
    else:
        boot = ["-e", "images/efiboot.img", "-no-emul-boot"] if (tree / "images/efiboot.img").exists() else []
        run("xorriso", "-report_about", "SORRY", "-as", "mkisofs", "-quiet", "-R", "-J", "-joliet-long", "-V", label, *boot,
            "-o", image, tree)
    return image


def site_family(folder, name, base, *changes):
    """A family of the site's own: `base`'s file with changes, pairs of texts."""
    text = (ROOT / f"common/families/{base}.yaml").read_text()
    for old, new in ((f"name: {base}\n", f"name: {name}\n"), *changes):
        assert text.count(old) == 1, (base, old)
        text = text.replace(old, new)
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.yaml").write_text(text)
    return folder


def taken_apart(family, image, out):
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    if family == "windows":
        run("7z", "x", f"-o{out}", image)
    else:
        run("xorriso", "-report_about", "SORRY", "-osirrox", "on", "-indev", image, "-extract", "/", out)
        run("chmod", "-R", "u+w", out)
    files = {path.lower(): content for path, content in below(out).items()}
    return {path: content for path, content in files.items() if not path.startswith(NOT_COMPARED)}, files


# ---- orders ---------------------------------------------------------------------------------------------

class Case:
    """One order of golden/, on one server."""

    def __init__(self, folder, server):
        self.folder, self.server = folder, server
        self.family, self.name = folder.parent.name, f"{folder.parent.name}-{folder.name}"
        text = (folder / "order.yaml").read_text()
        self.variables = dict(re.findall(r"^  - \{name: (\w+), value: (.*)\}$", text, re.M))
        self.packages = re.findall(r'^packages: \{url: "(.*)"\}$', text, re.M)
        self.host = text[text.index("\nhost:") + 1:] if "\nhost:" in text else ""
        self.hostname = self.own("hostname")

    def own(self, name):
        return self.variables[name].strip('"')

    def profile(self):
        lines = [f"  family: {self.family}", "  proof: {minimum: poweroff}", "  maxRun: 3m"]
        lines.append("  vars: {" + ", ".join(f"{k}: {v}" for k, v in self.variables.items() if k not in OURS) + "}")
        if (self.folder / "template").exists():
            template = (self.folder / "template").read_text()
            lines += ["  template:", "    inline: |"] + ["      " + line for line in template.splitlines()]
        lines += [f"  packages: {url}" for url in self.packages] + ["  " + line for line in self.host.splitlines()]
        return "\n".join(["apiVersion: metalmesh/v1", "kind: Profile", f"metadata: {{name: {self.name}}}", "spec:", *lines]) + "\n"

    def expected(self, deployment):
        """golden/.../medium with this run's deployment in place of the golden one."""
        was, named = self.own("deployment").encode(), self.own("hostname").encode()
        return {path.lower(): unpacked(content).replace(was, deployment.encode()).replace(named, self.hostname.encode())
                for path, content in below(self.folder / "medium").items()}


def cases():
    """Those with a proof of their own differ from mesh to mesh: see callback_test."""
    folders = sorted(p.parent for p in GOLDEN.glob("*/*/order.yaml") if "\nproof:" not in p.read_text())
    found = [Case(folder, f"par1-n{number:03}") for number, folder in enumerate(folders, 1)]
    taken = set()
    for case in found:  # two servers of one host name are in no plan
        free = (case.own("hostname")[:-2] + f"{number:02}" for number in (int(case.own("hostname")[-2:]), *range(70, 100)))
        case.hostname = next(name for name in free if name not in taken)
        taken.add(case.hostname)
    return found


def collect(mesh, open_cases, media):
    """Fetches the media of those whose installer runs; before and after, there is nothing to be had. An installer waits
    at its launch until that is done."""
    truth = mesh.truth()
    context = ssl.create_default_context(cafile=str(mesh.pki / "ca.crt"))
    for case in [case for case in open_cases if truth[case.server]["state"] == "installing"]:
        with urllib.request.urlopen(truth[case.server]["media"], context=context, timeout=60) as reply:
            media[case.name] = reply.read()
        open_cases.remove(case)
        mesh.set_bmc(case.server, waitsAtLaunch=False)
    return not open_cases


def hold_installers(mesh):
    mesh.sim("par1", "/servers/*", {"waitsAtLaunch": True})


# ---- tests ----------------------------------------------------------------------------------------------

def image_object(name, family, image):
    return (f"apiVersion: metalmesh/v1\nkind: Image\nmetadata: {{name: {name}}}\nspec:\n  family: {family}\n"
            f"  iso: {{urls: [\"file://{image}\"], sha256: {hashlib.sha256(image.read_bytes()).hexdigest()}}}\n")


def prepare(mesh, chosen):
    images = {case.family: build(case.family, mesh.folder) for case in chosen}
    documents = [image_object(family, family, image) for family, image in images.items()]
    documents += [case.profile() for case in chosen]
    inventory = mesh.folder / "par1-servers.yaml"
    text = inventory.read_text()
    for case in chosen:
        text = text.replace(f"hostname: {case.server}.example.net", f"hostname: {case.hostname}")
    inventory.write_text(text)
    mesh.apply_basics()
    (mesh.folder / "families.yaml").write_text("---\n".join(documents))
    mesh.cli("apply", "-f", mesh.folder / "families.yaml")
    mesh.wait_ready()
    return images


def is_sealed(path, seen, content):
    """What starts of a medium is zeros once its kernel was read: it starts nothing twice."""
    starts = re.search(r"\.(efi|cat|bin|com)$|(efi|efiboot|eltorito)\.img$", path)
    return starts and len(seen) == len(content) and not any(seen)


def check_medium(mesh, case, base, medium, deployment):
    image = mesh.folder / f"{case.name}.iso"
    image.write_bytes(medium)
    vendor, _ = taken_apart(case.family, base, mesh.folder / "vendor")
    seen, whole = taken_apart(case.family, image, mesh.folder / "seen")
    wanted = vendor | case.expected(deployment)
    assert set(seen) == set(wanted), (case.name, set(seen) ^ set(wanted))
    for path, content in wanted.items():
        if is_sealed(path, seen[path], content):
            continue
        assert unpacked(seen[path]) == content, (case.name, path, seen[path][:3000], content[:3000])
    for path in below(case.folder / "medium"):
        for pattern, checker in CHECKERS.items():
            if re.search(pattern, path):
                run(*checker, mesh.folder / "seen" / path)
        if case.family not in ("windows", "esxi"):
            assert unpacked(run("isoinfo", "-R", "-i", image, "-x", f"/{path}")) == wanted[path.lower()], (case.name, path)
    if any(whole.get("images/efiboot.img", b"")):  # what the firmware reads before it knows of ISO 9660
        inside = run("mtype", "-i", mesh.folder / "seen/images/efiboot.img", "::/EFI/BOOT/grub.cfg")
        assert inside == wanted["efi/boot/grub.cfg"], (case.name, inside)


def every_family():
    chosen = cases()
    with Mesh({"par1": len(chosen)}, agent_config=PATIENT) as mesh:
        hold_installers(mesh)
        images = prepare(mesh, chosen)
        mesh.apply("site", {"kind": "Site", "metadata": {"name": "par1"}, "spec": {"limits": {"parallel": len(chosen)}}})
        waiting, media = [], {}
        for case in chosen:
            mesh.start_rollout(case.name, image=case.family, profile=case.name, select={"servers": [case.server]},
                               parallel={"total": 100, "perSite": 100})
            waiting.append(case)
            collect(mesh, waiting, media)
        wait_until("each installer was seen running", lambda: collect(mesh, waiting, media), 240)
        for case in chosen:
            deployment = mesh.wait_done(case.name)
            succeeded(deployment)
            check_medium(mesh, case, images[case.family], media[case.name], deployment[case.server]["id"])
        mesh.check_truth(installed=[case.server for case in chosen])


def another_system_than_the_profile_says():
    """A Debian image that is said to be RHEL is refused before any BMC is called; the next plan knows it from the site."""
    with Mesh({"par1": 2}) as mesh:
        case = Case(GOLDEN / "rhel/one-card", "par1-n001")
        prepare(mesh, [case])
        debian = build("debian", mesh.folder)
        (mesh.folder / "mistaken.yaml").write_text(image_object("mistaken", "rhel", debian))
        mesh.cli("apply", "-f", mesh.folder / "mistaken.yaml")
        mesh.start_rollout("mixed", image="mistaken", profile=case.name, select={"servers": [case.server]})
        deployment = mesh.wait_done("mixed")["par1-n001"]
        assert deployment["state"] == "FAILED" and deployment["fault"]["code"] == "IMAGE_UNSUITABLE", deployment
        assert "looks like debian, not like rhel" in deployment["fault"]["seen"], deployment
        assert deployment["disk"] == "DISK_UNTOUCHED" and deployment["fault"]["next"], deployment
        said = mesh.cli("image", "inspect", "mistaken", check=False)
        assert said.returncode == 1 and "==> by par1 <==\nfamily   debian\n" in said.stdout, said
        assert "servers cannot be installed from it: it looks like debian, not like rhel" in said.stdout, said
        (mesh.folder / "again.yaml").write_text(
            "apiVersion: metalmesh/v1\nkind: Rollout\nmetadata: {name: again}\nspec: {action: install, image: mistaken, "
            f"profile: {case.name}, select: {{servers: [par1-n002]}}}}\n")
        mesh.cli("rollout", "plan", "again", "-f", mesh.folder / "again.yaml", check=False)
        plan = mesh.get("/rollouts/again")["status"]["plan"]
        assert [out["reason"] for out in plan["excluded"]] == ["IMAGE_UNSUITABLE"], plan
        assert "looks like debian, not like rhel" in plan["excluded"][0]["message"], plan
        mesh.check_truth(installed=[], untouched=["par1-n001", "par1-n002"])


def a_family_of_the_sites_own():
    """Added by a file in the agent's familiesDir, the programs unchanged; a mistake in it names file and line."""
    folder = pathlib.Path(run("mktemp", "-d").decode().strip())
    try:
        (folder / "appliance.yaml").write_text(
            "name: appliance\ntitle: Our appliance\nrecognise: [{volumeIds: [\"APPL*\"]}]\n"
            "can: {linksByName: true}\n"
            "boot:\n  - {paths: [/boot/grub/grub.cfg], syntax: grub, append: [\"seed={{hostname}}\"]}\n"
            "files:\n  - path: /seed.json\n    format: json\n    main: true\n    template: |\n"
            "      {\"name\": {{hostname}}, \"address\": {{host.network.primary.ipv4.cidr}}}\n")
        with Mesh({"par1": 1}, agent_config={"familiesDir": str(folder), **PATIENT}) as mesh:
            hold_installers(mesh)
            tree, image = mesh.folder / "tree", mesh.folder / "appliance.iso"
            (tree / "boot/grub").mkdir(parents=True)
            (tree / "boot/vmlinuz").write_bytes(b"kernel" * 999 + b"\ndeployment=simulated\n")
            (tree / "packages").write_bytes(bytes(4 << 20))
            (tree / "boot/grub/grub.cfg").write_text("menuentry 'Install' {\n  linux /boot/vmlinuz quiet\n}\n")
            run("xorriso", "-report_about", "SORRY", "-as", "mkisofs", "-quiet", "-R", "-V", "APPLIANCE", "-o", image, tree)
            mesh.apply_basics()
            (mesh.folder / "own.yaml").write_text(
                image_object("appliance", "appliance", image) +
                "---\napiVersion: metalmesh/v1\nkind: Profile\nmetadata: {name: appliance}\nspec:\n  family: appliance\n"
                "  proof: {minimum: poweroff}\n"
                "  host: {network: {links: [{name: eth0, addresses: [10.0.0.9/24]}]}}\n")
            mesh.cli("apply", "-f", mesh.folder / "own.yaml")
            mesh.wait_ready()
            mesh.start_rollout("own", image="appliance", profile="appliance", select={"servers": ["par1-n001"]})
            case = Case(GOLDEN / "rhel/one-card", "par1-n001")
            media = {}
            wait_until("its installer runs", lambda: collect(mesh, [case], media), 60)
            (mesh.folder / "seen.iso").write_bytes(media[case.name])
            seen, _ = taken_apart("appliance", mesh.folder / "seen.iso", mesh.folder / "seen")
            assert seen["seed.json"] == b'{"name": "par1-n001.example.net", "address": "10.0.0.9/24"}\n', seen["seed.json"]
            assert b"linux /boot/vmlinuz quiet seed=par1-n001.example.net\n" in seen["boot/grub/grub.cfg"], seen
            succeeded(mesh.wait_done("own"))
            (folder / "broken.yaml").write_text("name: broken\nboot:\n  - {paths: [/x], syntax: lilo}\n")
            agent = mesh.agents["par1"]
            check = subprocess.run([*agent.argv, "--check-config"], capture_output=True, text=True, check=False, env=agent.env)
            assert check.returncode != 0 and "broken.yaml:3:27: boot[0].syntax" in check.stdout + check.stderr, check
    finally:
        shutil.rmtree(folder)


def documented_is_not_verified():
    with Mesh({}) as mesh:
        table = mesh.cli("get", "families").stdout
        for family in mesh.get("/families")["items"]:
            line = next(row for row in table.splitlines() if row.startswith(family["name"] + " "))
            assert ("(unverified)" in line) == (family["tier"] != "verified"), line
            assert ("in part" in line) == bool(family.get("notRun")), line
            if family["tier"] != "verified":
                assert family["documents"], family
            for shown in family.get("verifiedBy", []):
                assert (ROOT / re.search(r"\((\S+)\)$", shown).group(1)).exists(), shown


if __name__ == "__main__":
    main([every_family, another_system_than_the_profile_says, a_family_of_the_sites_own, documented_is_not_verified])
