"""The parsers that give back what an answer says (values.py), one for each family."""
import base64
import configparser
import json
import re
import shlex
import tomllib
import xml.etree.ElementTree as ET

from values import Found, digits_of, read, unwrapped


def arguments_of(order):
    path = order.with_name(order.name + ".arguments")
    return read(path).split("\n")


def rhel(order, kickstart):
    """`kickstart`: pykickstart's handler, which has read it."""
    found = Found()
    found.put("locale", kickstart.lang.lang)
    found.put("keyboard", ",".join(kickstart.keyboard.x_layouts))
    found.put("timezone", kickstart.timezone.timezone)
    found.put("ntp", [source.ntp_server for source in kickstart.timesource.dataList()])
    if kickstart.rootpw.isCrypted:
        found.put("root.password_hash", kickstart.rootpw.password)
    for argument in arguments_of(order):
        for name, mac in re.findall(r"ifname=([^:]+):(\S+)", argument):
            found.link(name, mac)
    for line in kickstart.network.dataList():
        if line.hostname:
            found.fqdn(line.hostname)
        if not line.device:
            continue
        name = line.interfacename or line.device
        addresses = [f"{line.ip}/{line.netmask}"] if line.ip else []
        addresses += [line.ipv6] if line.ipv6 else []
        found.link(name, None, addresses, [line.gateway, line.ipv6gateway], line.bootProto == "dhcp" and not line.noipv4, line.mtu)
        if line.bondslaves:
            found.bond(name, line.bondslaves.split(","), re.search(r"mode=([^,]+)", line.bondopts)[1])
            for card in line.bondslaves.split(","):
                found.put(f"links.{card}", True)
        if line.vlanid:
            found.vlan(name, line.device, line.vlanid)
            found.put(f"links.{line.device}", True)
        found.more("dns", [d for d in (line.nameserver or "").split(",") if d])
        found.more("search", [d for d in (line.ipv4_dns_search or line.ipv6_dns_search or "").split(",") if d])
    for user in kickstart.user.dataList():
        found.user(user.name, user.gecos, user.password if user.isCrypted else None, sudo="wheel" in user.groups)
    for key in kickstart.sshkey.dataList():
        found.user(key.username, keys=[key.key])
    chosen = kickstart.packages
    found.put("packages", ["@" + group.name for group in chosen.groupList] + chosen.packageList +
              ["-" + name for name in chosen.excludedList] + ["-@" + group.name for group in chosen.excludedGroupList])
    scripts = [(script.type, script.script) for script in kickstart.scripts]
    for kind, text in scripts:
        if "/sys/block/" in text:
            found.disk(text)
        elif kind == 0:
            found.put("scripts.pre", unwrapped(text).strip())
        elif all(re.match(r"groupadd|echo .* ALL=\(ALL\)", line) for line in text.strip().splitlines()):
            found.accounts(text)
        elif "/etc/metalmesh-callback" not in text and "/metalmesh-key" not in text:  # those are the product's own
            found.put("scripts.post", unwrapped(text).strip())
    return found


def debian(order):
    found = Found()
    asked = {}
    for line in read(order / "preseed.cfg").splitlines():
        if line and line[0] != "#":
            _, question, _, value = (line.split(" ", 3) + [""])[:4]
            asked[question] = value
    found.put("locale", asked["debian-installer/locale"])
    found.put("keyboard", asked["keyboard-configuration/xkb-keymap"])
    found.put("timezone", asked["time/zone"])
    found.put("domain", asked["netcfg/get_domain"].strip())
    found.user("root", password=asked["passwd/root-password-crypted"])
    own = {"sudo"} | ({"systemd-timesyncd"} if asked["clock-setup/ntp"] == "true" else set())
    found.put("packages", [p for p in asked["pkgsel/include"].split() if p not in own])
    name = asked["netcfg/choose_interface"]
    if name != "auto":
        static = "netcfg/get_ipaddress" in asked
        found.link(name, None, [f"{asked['netcfg/get_ipaddress']}/{asked['netcfg/get_netmask']}"] if static else [],
                   [asked.get("netcfg/get_gateway", "").strip()], not static)
        found.more("dns", asked.get("netcfg/get_nameservers", "").split())
    found.disk(read(order / "metalmesh/disk.sh"))
    pre = re.search(r"^\(\n(.*)\n\) \|\| exit 1$", read(order / "metalmesh/disk.sh"), re.M | re.S)
    found.put("scripts.pre", pre and pre[1].strip())
    late = read(order / "metalmesh/late.sh")
    found.accounts(late)
    servers = re.search(r"NTP=%s\\n' \"\$\(printf '%s ' (.*)\)\" > ", late)
    found.put("ntp", shlex.split(servers[1]) if servers else [])
    return found, late


def netplan(found, network):
    for kind in ("ethernets", "bonds", "vlans"):
        for name, link in network.get(kind, {}).items():
            found.link(name, link.get("match", {}).get("macaddress"), link.get("addresses", []),
                       [route["via"] for route in link.get("routes", [])], link.get("dhcp4"), link.get("mtu"))
            if kind == "bonds":
                found.bond(name, link["interfaces"], link["parameters"]["mode"])
            if kind == "vlans":
                found.vlan(name, link["link"], link["id"])
            found.more("dns", link.get("nameservers", {}).get("addresses"))
            found.more("search", link.get("nameservers", {}).get("search"))


def ubuntu(order, install):
    """`install`: what is below autoinstall."""
    found = Found()
    found.put("locale", install["locale"])
    found.put("keyboard", install["keyboard"]["layout"])
    found.put("timezone", install["timezone"])
    found.put("packages", install.get("packages"))
    netplan(found, install.get("network", {}))
    system = install["user-data"]
    found.fqdn(system["fqdn"])
    found.put("ntp", system.get("ntp", {}).get("servers"))
    for user in system["users"]:
        found.user(user["name"], user.get("gecos"), user.get("passwd") or user.get("hashed_passwd"),
                   user.get("ssh_authorized_keys", []), user.get("groups", []), "sudo" in user)
    early = install["early-commands"]
    found.disk(early[0])
    found.put("scripts.pre", early[2].strip() if len(early) > 2 else "")
    for command in install.get("late-commands", []):
        if coded := re.fullmatch(r"echo '?([A-Za-z0-9+/=]+)'? \| base64 -d > /target/root/metalmesh-post", command):
            found.put("scripts.post", base64.b64decode(coded[1]).decode().strip())
    return found


def data_url(file):
    kind, _, text = file["contents"]["source"].partition(",")
    return base64.b64decode(text).decode() if kind.endswith("base64") else text.replace("%0A", "\n")


def keyfile(found, name, text, cards):
    """NetworkManager's: `cards` has the names of those that are known by their MAC."""
    keys = configparser.ConfigParser(interpolation=None, delimiters="=")
    keys.read_string(text)
    def section(which):
        return dict(keys[which]) if which in keys else {}
    addresses, gateways = [], []
    for version in ("ipv4", "ipv6"):
        for key, value in section(version).items():
            if re.fullmatch(r"address\d+", key):
                addresses.append(value)
            elif key == "gateway":
                gateways.append(value)
            elif key == "route1":
                gateways.append(value.split(",")[1])
    mac = section("ethernet").get("mac-address")
    found.link(name, None if "vlan" in keys else mac, addresses, gateways,
               section("ipv4").get("method") == "auto", section("ethernet").get("mtu"))
    if "bond" in keys:
        found.put(f"links.{name}.bond.mode", keys["bond"]["mode"])
    if "master" in keys["connection"]:
        found.more(f"links.{keys['connection']['master']}.bond.links", [name])
    if "vlan" in keys:
        found.vlan(name, keys["vlan"].get("parent") or cards[mac], keys["vlan"]["id"])
    for list_of, key in (("dns", "dns"), ("search", "dns-search")):
        for version in ("ipv4", "ipv6"):
            known = found.setdefault(list_of, [])
            known += [v for v in section(version).get(key, "").split(";") if v and v not in known]


def ignition(order, config):
    found = Found()
    for user in config["passwd"]["users"]:
        groups = set(user.get("groups", []))
        sudo = {"sudo", "wheel"} <= groups
        found.user(user["name"], user.get("gecos"), user.get("passwordHash"), user.get("sshAuthorizedKeys", []),
                   groups - ({"sudo", "wheel"} if sudo else set()), sudo)
    keyfiles = {}
    for file in config["storage"]["files"]:
        if file["path"] == "/etc/hostname":
            found.fqdn(data_url(file).strip())
        elif file["path"] == "/etc/vconsole.conf":
            found.put("keyboard", data_url(file).strip().partition("=")[2])
        elif match := re.fullmatch(r"/etc/NetworkManager/system-connections/(.*)\.nmconnection", file["path"]):
            keyfiles[match[1]] = data_url(file)
    macs = {name: re.search(r"^mac-address=(.*)$", text, re.M) for name, text in keyfiles.items() if "[vlan]" not in text}
    cards = {mac[1]: name for name, mac in macs.items() if mac}
    for name, text in keyfiles.items():
        keyfile(found, name, text, cards)
    for link in config["storage"].get("links", []):
        if link["path"] == "/etc/localtime":
            found.put("timezone", link["target"].partition("zoneinfo/")[2])
    installer = order / "metalmesh/install.sh"
    if installer.exists():
        found.disk(read(installer))
    else:  # Flatcar's is within the archive of its installer's own configuration
        archive = (order / "metalmesh/oem.cpio").read_text()
        config = json.loads(archive[archive.index("{"):archive.rindex("}") + 1])
        found.disk(data_url(config["storage"]["files"][0]))
    return found


def esxi(order):
    found = Found()
    text = read(order / "KS.CFG")
    head, *sections = re.split(r"^%", text, flags=re.M)
    for line in head.splitlines():
        words = shlex.split(line, comments=True)
        options = dict(w[2:].partition("=")[::2] for w in words[1:] if w.startswith("--"))
        if words[:1] == ["rootpw"]:
            found.put("root.password_hash", words[-1])
        elif words[:1] == ["install"]:
            name = options["disk"].removeprefix("/vmfs/devices/disks/")
            found.put("disk.wwn" if name != options["disk"] else "disk.path", digits_of(name) if name != options["disk"] else name)
        elif words[:1] == ["network"]:
            found.fqdn(options["hostname"])
            if options["device"] == "vmnic0":
                continue
            device = options["device"]
            mac = device if ":" in device else None
            found.put(f"links.{device}", True)
            found.put(f"links.{device}.mac", mac)
            found["device"] = device
            found["vlan"] = options.get("vlanid")
            found["address"] = [f"{options['ip']}/{options['netmask']}"] if "ip" in options else []
            found["gateways"] = [options.get("gateway")]
            found["dhcp"] = options["bootproto"] == "dhcp"
            found.put("dns", [d for d in options.get("nameserver", "").split(",") if d])
    for section in sections:
        where, _, body = section.partition("\n")
        found.put("scripts." + where.split()[0], body.strip())
    return found


def proxmox(order):
    found = Found()
    answer = tomllib.loads(read(order / "answer.toml"))
    general, network, disk = answer["global"], answer["network"], answer["disk-setup"]["filter"]
    found.fqdn(general["fqdn"])
    found.put("timezone", general["timezone"])
    found.user("root", password=general["root-password-hashed"], keys=general["root-ssh-keys"])
    if network["source"] == "from-answer":
        digits = re.search(r"([0-9a-f]{12})", network["filter"]["ID_NET_NAME_MAC"])[1]
        mac = ":".join(digits[i:i + 2] for i in range(0, 12, 2))
        found.link(mac, mac, [network["cidr"]], [network["gateway"]])
        found.put("dns", [network["dns"]])
    found.put("disk.serial", disk.get("ID_SERIAL_SHORT"))
    for key, value in disk.items():
        if "WWN" in key:
            found.put("disk.wwn", digits_of(value.strip("*")))
    return found


def elements(path):
    root = ET.fromstring(read(path))
    for element in root.iter():
        element.tag = element.tag.rsplit("}", 1)[-1]
    return root


def texts(root, path):
    return [element.text or "" for element in root.findall(path)]


def xcp_ng(order):
    found = Found()
    root = elements(order / "xsinst/answerfile.xml")
    found.fqdn(root.findtext("hostname"))
    found.put("keyboard", root.findtext("keymap"))
    found.put("timezone", root.findtext("timezone"))
    found.put("root.password_hash", root.findtext("root-password"))
    found.put("disk.path", root.findtext("primary-disk"))
    found.put("ntp", texts(root, "ntp-server"))
    found.put("dns", texts(root, "name-server"))
    card = root.find("admin-interface")
    if card.get("name") != "eth0":
        found["device"] = card.get("hwaddr") or card.get("name")
        found.put(f"links.{found['device']}", True)
        found.put(f"links.{found['device']}.mac", card.get("hwaddr"))
        found["vlan"] = card.get("vlan")
        found["address"] = [f"{card.findtext('ipaddr')}/{card.findtext('subnet')}"] if card.find("ipaddr") is not None else []
        found["address"] += texts(card, "ipv6")
        found["gateways"] = [card.findtext("gateway"), card.findtext("gatewayv6")]
        found["dhcp"] = card.get("proto") == "dhcp"
    return found


def windows(order):
    found = Found()
    root = elements(order / "Autounattend.xml")
    parts = {(s.get("pass"), c.get("name")): c for s in root.findall("settings") for c in s.findall("component")}
    names = parts["specialize", "Microsoft-Windows-DNS-Client"]
    found.put("domain", names.findtext("DNSDomain"))
    found.put("search", texts(names, "DNSSuffixSearchOrder/DomainName"))
    found.put("dns", texts(names, "Interfaces/Interface/DNSServerSearchOrder/IpAddress"))
    international = parts["oobeSystem", "Microsoft-Windows-International-Core"]
    found.put("locale", international.findtext("SystemLocale").replace("-", "_"))
    network = parts.get(("specialize", "Microsoft-Windows-TCPIP"))
    for link in network.findall("Interfaces/Interface") if network is not None else []:
        card = link.findtext("Identifier")
        mac = card.replace("-", ":").lower() if re.fullmatch(r"([0-9A-Fa-f]{2}-){5}[0-9A-Fa-f]{2}", card) else None
        found.link(mac or card, mac, texts(link, "UnicastIpAddresses/IpAddress"), texts(link, "Routes/Route/NextHopAddress"),
                   link.findtext("Ipv4Settings/DhcpEnabled") == "true")
    return found


def autoyast(order):
    found = Found()
    root = elements(order / "autoinst.xml")
    found.put("locale", root.findtext("language/language"))
    found.put("keyboard", root.findtext("keyboard/keymap"))
    found.put("timezone", root.findtext("timezone/timezone"))
    found.put("ntp", texts(root, "ntp-client/ntp_servers/ntp_server/address"))
    found.put("domain", root.findtext("networking/dns/domain"))
    found.put("dns", texts(root, "networking/dns/nameservers/nameserver"))
    found.put("search", texts(root, "networking/dns/searchlist/search"))
    macs = {rule.findtext("name"): rule.findtext("value") for rule in root.findall("networking/net-udev/rule")}
    routes = {}
    for route in root.findall("networking/routing/routes/route"):
        routes.setdefault(route.findtext("device"), []).append(route.findtext("gateway"))
    for link in root.findall("networking/interfaces/interface"):
        name = link.findtext("name")
        addresses = [f"{link.findtext('ipaddr')}/{link.findtext('prefixlen')}"] if link.find("ipaddr") is not None else []
        addresses += [f"{a.findtext('IPADDR')}/{a.findtext('PREFIXLEN')}" for a in link.findall("aliases/*")]
        found.link(name, macs.get(name), addresses, routes.get(name, []), link.findtext("bootproto") == "dhcp4", link.findtext("mtu"))
        if link.find("bonding_master") is not None:
            found.bond(name, [e.text for e in link if re.fullmatch(r"bonding_slave\d+", e.tag)],
                       re.search(r"mode=(\S+)", link.findtext("bonding_module_opts"))[1])
        if link.find("vlan_id") is not None:
            found.vlan(name, link.findtext("etherdevice"), link.findtext("vlan_id"))
    found.put("packages", [p for p in texts(root, "software/packages/package") if p not in ("openssh", "curl")])
    for user in root.findall("users/user"):
        found.user(user.findtext("username"), user.findtext("fullname"), user.findtext("user_password"),
                   texts(user, "authorized_keys/listentry"))
    for script in root.iter("script"):
        name, text = script.findtext("filename"), script.findtext("source") or ""
        if name == "metalmesh-disk.sh":
            found.disk(text)
        elif name == "metalmesh-users.sh":
            found.accounts(text)
        elif name in ("pre.sh", "post.sh"):
            found.put("scripts." + name[:-3], text.strip())
    return found


def agama(order):
    found = Found()
    profile = json.loads(read(order / "autoinst.json"))
    found.fqdn(profile["hostname"]["static"])
    found.put("locale", profile["localization"]["language"])
    found.put("keyboard", profile["localization"]["keyboard"])
    found.put("timezone", profile["localization"]["timezone"])
    found.put("packages", profile["software"]["packages"])
    found.put("disk.path", profile["storage"]["drives"][0]["search"]["condition"]["name"])
    root = profile["root"]
    found.user("root", password=root.get("password"))
    keys = [root["sshPublicKey"]] if "sshPublicKey" in root else []
    for script in profile["scripts"]["post"]:
        if script["name"] == "metalmesh-post":
            found.put("scripts.post", script["content"].strip())
        elif script["name"] == "metalmesh-keys":
            line = next(line for line in script["content"].splitlines() if line.startswith("printf"))
            keys = shlex.split(line.partition(" >> ")[0])[2:]
    found.put("root.ssh_keys", keys)
    for link in profile.get("network", {}).get("connections", []):
        found.link(link["id"], link.get("macAddress"), link["addresses"], [link.get("gateway4"), link.get("gateway6")],
                   link["method4"] == "auto", link.get("mtu"))
        if "bond" in link:
            found.bond(link["id"], link["bond"]["ports"], link["bond"]["mode"])
        if "vlan" in link:
            found.vlan(link["id"], link["vlan"]["parent"], link["vlan"]["id"])
        found.more("dns", link.get("nameservers"))
        found.more("search", link.get("dnsSearchlist"))
    return found
