"""What an answer says, read back by the parsers that read it for its installer, and held against the order.

A host, as an order or as an answer has it, becomes flat: {"users.ops.groups": [...], "links.eno1.mtu": 9000, ...}. Whatever an
order says must come out of the answer with its value, and nobody gets what was not ordered, besides what every system of
the family has (locale, time zone, packages of the family's own).
"""
import base64
import ipaddress
import json
import re
import shlex

# These have a value in every answer; only one that was ordered counts.
DEFAULTED = {"domain", "locale", "keyboard", "timezone", "packages"}
BY_MAC = {"windows", "proxmox", "xcp-ng", "esxi"}  # a card's name is the order's own word there
NO_CODESET = {"windows", "autoyast"}               # de_DE


def read(path):
    return path.read_bytes().decode("utf-8", "strict")


def digits_of(wwn):
    return re.sub(r"^(0x|naa\.|eui\.)", "", wwn.lower())


def by_version(addresses):
    """IPv4 before IPv6, as some answers have them; in each of them order counts."""
    return sorted((str(ipaddress.ip_interface(a)) if "/" in a else a for a in addresses), key=lambda a: ":" in a)


def flat(family, host):
    """The order, with what does not count left out."""
    out = {}
    def put(name, value):
        if value not in (None, "", [], 0, False):
            out[name] = value
    put("domain", host.get("domain"))
    locale = host.get("locale")
    put("locale", locale.split(".")[0] if locale and family in NO_CODESET else locale)
    put("keyboard", host.get("keyboard"))
    put("timezone", host.get("timezone"))
    put("ntp", host.get("ntp"))
    put("packages", host.get("packages"))
    for user in host.get("users", []):
        for field in ("full_name", "password_hash", "ssh_keys", "sudo"):
            put(f"users.{user['name']}.{field}", user.get(field))
        put(f"users.{user['name']}.groups", sorted(set(user.get("groups", []))))
        put(f"users.{user['name']}", True)
    for field in ("password_hash", "ssh_keys"):
        put(f"root.{field}", host.get("root", {}).get(field))
    for when in ("pre", "post"):
        put(f"scripts.{when}", host.get("scripts", {}).get(when, "").strip())
    disk = host.get("disk", {})
    for field in ("serial", "path", "model", "media", "protocol"):
        put(f"disk.{field}", disk.get(field))
    put("disk.wwn", digits_of(disk.get("wwn", "")))
    for field in ("min_size", "max_size"):
        put(f"disk.{field}", int(disk.get(field, 0)))
    network = host.get("network", {})
    put("dns", by_version(network.get("dns", [])))
    put("search", network.get("search"))
    links = network.get("links", [])
    names = {link["name"]: link["mac"] if family in BY_MAC and link.get("mac") else link["name"] for link in links}
    for link in links:
        name = "links." + names[link["name"]]
        put(name, True)
        put(f"{name}.mac", link.get("mac"))
        put(f"{name}.addresses", by_version(link.get("addresses", [])))
        put(f"{name}.gateways", sorted(link.get("gateways", [])))
        put(f"{name}.dhcp", link.get("dhcp"))
        put(f"{name}.mtu", link.get("mtu"))
        if "bond" in link:
            put(f"{name}.bond.links", link["bond"]["links"])
            put(f"{name}.bond.mode", link["bond"].get("mode", "802.3ad"))
        if "vlan" in link:
            put(f"{name}.vlan.link", names[link["vlan"]["link"]])
            put(f"{name}.vlan.id", link["vlan"]["id"])
    return out


class Found(dict):
    def put(self, name, value):
        if value not in (None, "", [], 0, False):
            self[name] = value

    def more(self, name, values):
        if values:
            self.setdefault(name, []).extend(values)

    def link(self, name, mac=None, addresses=(), gateways=(), dhcp=False, mtu=0):
        self.put(f"links.{name}", True)
        self.put(f"links.{name}.mac", mac and mac.lower())
        self.put(f"links.{name}.addresses", by_version(addresses))
        self.put(f"links.{name}.gateways", sorted(g for g in gateways if g))
        self.put(f"links.{name}.dhcp", bool(dhcp))
        self.put(f"links.{name}.mtu", int(mtu or 0))

    def bond(self, name, links, mode):
        self.put(f"links.{name}.bond.links", list(links))
        self.put(f"links.{name}.bond.mode", mode)

    def vlan(self, name, link, number):
        self.put(f"links.{name}.vlan.link", link)
        self.put(f"links.{name}.vlan.id", int(number))

    def user(self, name, full_name=None, password=None, keys=(), groups=(), sudo=False):
        where = "root" if name == "root" else f"users.{name}"
        if name != "root":
            self.put(where, True)
            self.put(f"{where}.full_name", full_name)
            self.more(f"{where}.groups", sorted(groups))
            self.put(f"{where}.sudo", sudo)
        self.put(f"{where}.password_hash", password if password not in ("!", "*") else None)
        self.more(f"{where}.ssh_keys", list(keys))

    def fqdn(self, name):
        self.put("domain", name.partition(".")[2])

    def disk(self, script):
        """What the script that looks for the disk asks of one."""
        for line in script.splitlines():
            if bus := re.search(r"ID_BUS=(ata|scsi)", line):
                self.put("disk.protocol", "SATA" if bus[1] == "ata" else "SAS")
            elif "grep -qxF" in line:
                serials = {w.partition("=")[2] for w in shlex.split(line.split("grep")[1]) if w.startswith("ID_SERIAL_SHORT=")}
                self.put("disk.serial", serials.pop())
            elif "ID_MODEL" in line:
                self.put("disk.model", glob_of(shlex.split(line.split("-qixE")[1])[0].removesuffix("[ _]*")))
            elif rotational := re.search(r'queue/rotational"\)" = ([01]) \]', line):
                self.put("disk.media", "HDD" if rotational[1] == "1" else "SSD")
            elif "case $name in nvme*" in line:
                self.put("disk.protocol", "NVMe")
            elif "grep -qixE" in line:
                word = next(w for w in shlex.split(line.split("grep")[1]) if "ID_WWN" in w)
                self.put("disk.wwn", word.rpartition("?")[2].lower())
            elif "readlink -f" in line:
                self.put("disk.path", shlex.split(re.search(r"readlink -f (.*)\)\" = ", line)[1])[0])
            elif size := re.search(r"\* 512\)\) -(ge|le) (\d+) \]", line):
                self.put("disk.min_size" if size[1] == "ge" else "disk.max_size", int(size[2]))

    def accounts(self, script):
        """Commands that make accounts, as several families' scripts have them."""
        for line in script.splitlines():
            if not re.match(r"(groupadd|usermod|useradd|echo \S+ ALL|echo '?[a-z_][\w'-]* ?ALL|printf '%s\\n' .*\| keys)", line):
                continue
            words = shlex.split(line)
            if words[0] == "useradd":
                name = words[-1]
                options = dict(zip(words[1:-1], words[2:]))
                self.user(name, options.get("-c"), options.get("-p"))
            elif "usermod" in words:
                at = words.index("usermod")
                self.more(f"users.{words[at + 4]}.groups", [words[at + 3]])
            elif words[0] == "echo" and "ALL=(ALL)" in words[1]:
                self.put(f"users.{words[1].split()[0]}.sudo", True)
            elif words[0] == "printf":
                pipe = words.index("|")
                self.user(words[pipe + 2], keys=words[2:pipe])


def glob_of(expression):
    """The pattern that an extended regular expression was made of."""
    signs = {".*": "*", ".": "?", "[ _]+": " ", "\\^": "^"}
    return re.sub(r"\.\*|\.|\[ _\]\+|\[(.)\]|\\\^", lambda m: m[1] if m[1] else signs[m[0]], expression)


def unwrapped(script):
    """A script of which a line begins with % comes in other letters."""
    coded = re.search(r"^printf %s ([A-Za-z0-9+/=]+) \| base64 -d", script, re.M)
    return base64.b64decode(coded[1]).decode() if coded else script


def one_link(found, expected):
    """Of families that know one card and its VLAN without a name: where the order's name for it belongs."""
    if "device" not in found:
        return
    device, number = found.pop("device"), found.pop("vlan")
    addresses, gateways, dhcp = found.pop("address"), found.pop("gateways"), found.pop("dhcp")
    name = device
    if number:
        name = next((k.split(".")[1] for k, v in expected.items() if k.endswith(".vlan.id")), "no VLAN was ordered")
        found.vlan(name, device, number)
    found.link(name, found.get(f"links.{name}.mac"), addresses, gateways, dhcp)


def differences(family, order, found, late=None):
    """Sentences. `late`: a script in which the order's own stands as it is, behind others."""
    host = json.loads(read(order.with_name(order.name + ".host")))
    expected = flat(family, host)
    one_link(found, expected)
    if late is not None and "scripts.post" in expected:
        if late.rstrip().endswith(expected["scripts.post"]):
            found["scripts.post"] = expected["scripts.post"]
    for name in [n for n in found if n.endswith(".groups")]:
        found[name] = sorted(set(found[name]))
    if "dns" in found:
        found["dns"] = by_version(found["dns"])
    out = []
    for name, value in expected.items():
        have = found.get(name)
        if name == "packages":  # beside the family's own
            have = [package for package in value if package in (have or [])]
        if have != value:
            out.append(f"{name} is {value!r} in the order, {have!r} in the answer")
    for name, value in found.items():
        if value and name not in expected and name not in DEFAULTED:
            out.append(f"{name} is {value!r} in the answer, and nobody ordered it")
    return out
