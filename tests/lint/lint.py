#!/usr/bin/env python3
"""The rules of the house that a compiler does not check.

 - include arrows: a room includes only the rooms it may know (the table below is ARCHITECTURE.md's picture)
 - pure rooms have no clock, randomness, socket, file, thread or environment
 - every folder with code belongs to a room, and ARCHITECTURE.md names every room that exists and no other
 - inside `co_await` only named locals (GCC 12 corrupts the heap otherwise)
 - the table of known BMCs is that of the rows
 - links in the Markdown files lead somewhere, and what holds a case is there; no machine paths, no "is simulated" branches
Prints each violation as file:line: text and exits 1.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
LINT = "tests/lint/lint.py"

# room -> rooms it may include, besides itself. A file belongs to the first room that fits, a header likewise: to see
# agents/media is not to see agents/media/server. Every room but the lowest sees schemas, common/text and common/base.
LOWEST = ("common/text", "common/base")
EVERYBODYS = ("schemas", *LOWEST)
ARROWS = [
    ("schemas", []),
    ("common/text/filler", []),
    ("common/text", []),
    ("common/base", ["common/text"]),
    ("common/os", []),
    ("common/ports", []),
    ("common/delivery", ["common/ports"]),
    ("common/turn", ["common/ports"]),
    ("common/recording", ["common/ports", "common/turn"]),
    ("common/orders", []),
    ("common/hosts", []),
    ("common/zones", []),
    ("common/quirks", ["common/text/filler"]),
    ("common/families", ["common/hosts"]),
    ("common/answer", ["common/hosts", "common/families"]),
    ("common/adapters", ["common/text/filler", "common/os", "common/ports", "common/families", "common/recording", "common/zones"]),
    ("agents/redfish", ["common/ports"]),
    ("agents/bmc", ["common/ports", "common/quirks", "agents/redfish"]),
    ("agents/work", ["common/ports", "common/orders", "agents/redfish", "agents/bmc"]),
    ("agents/install", ["common/ports", "common/orders", "agents/redfish", "agents/bmc", "agents/work"]),
    ("agents/power", ["common/ports", "common/orders", "agents/redfish", "agents/bmc", "agents/work"]),
    ("agents/care", ["common/ports", "common/orders", "common/hosts", "agents/redfish", "agents/bmc", "agents/work"]),
    ("agents/media/server", ["common/os", "common/ports", "common/hosts", "agents/media"]),
    ("agents/media/menu", []),
    ("agents/media/answer", ["common/ports", "common/hosts", "common/families", "common/answer", "agents/media/menu"]),
    ("agents/media", ["common/ports", "common/hosts"]),
    ("agents/core", ["common/ports", "common/delivery", "common/turn", "common/recording", "common/orders", "common/hosts", "common/families", "common/answer", "common/quirks", "agents/redfish", "agents/bmc", "agents/work",
                     "agents/install", "agents/power", "agents/care", "agents/media", "agents/media/answer", "agents/media/menu"]),
    ("agents/app", ["common", "agents"]),
    ("controller/state", ["common/ports"]),
    ("controller/core", ["common/ports", "common/delivery", "common/turn", "common/text/filler", "common/recording", "common/orders", "common/hosts", "common/families", "common/answer", "common/zones", "controller/state"]),
    ("controller/api", ["common/ports", "common/delivery", "common/turn", "common/families", "common/text/filler", "controller/state", "controller/core"]),
    ("controller/up", ["common/adapters", "common/os", "common/ports"]),
    ("controller/cli", ["common/adapters", "common/families", "common/quirks", "common/recording", "common/text/filler", "common/os", "common/ports", "controller/up"]),
    ("controller/app", ["common", "controller"]),
    ("tests", ["schemas", "common", "agents", "controller"]),
]
PURE = [
    "common/text", "common/base", "common/ports", "common/quirks", "common/orders", "common/hosts", "common/zones", "common/families", "common/answer", "common/delivery", "common/turn/outcome",
    "common/turn/decision_core", "common/recording", "agents/redfish", "agents/bmc", "agents/work", "agents/install", "agents/power", "agents/care",
    "agents/media", "agents/core", "controller/state",
    "controller/core", "controller/api", "controller/up/settings", "controller/up/restart_plan", "tests/bmcsim/model",
]
NOT_PURE = ["agents/media/server"]
FORBIDDEN_HEADERS = re.compile(
    r'#include <(thread|mutex|condition_variable|atomic|future|random|fstream|filesystem|iostream|ctime|'
    r'unistd\.h|fcntl\.h|sys/(?!types).*|netinet/.*|arpa/.*|poll\.h|pthread\.h|curl/.*|sqlite3\.h|rocksdb/.*|mqtt/.*|'
    r'boost/asio.*|boost/beast.*|openssl/ssl\.h|openssl/rand\.h)>')
FORBIDDEN_CALLS = re.compile(
    r'\b(system_clock|steady_clock|high_resolution_clock|random_device|getenv|gettimeofday|clock_gettime|'
    r'time\(nullptr\)|sleep_for|std::rand|srand|RAND_bytes|popen|std::thread|std::jthread|std::async)\b')
# A BMC's clock is often wrong, set by anybody, and begins anew when the BMC restarts: what it shows is no evidence. Only
# which of several sessions is ours, where the BMC does not say, is guessed by CreatedTime.
NEVER_READ = ["agents/redfish", "agents/bmc", "agents/work", "agents/install", "agents/power", "agents/care", "agents/core"]
# A doctor and an inventory say that the clock itself is wrong, and housekeeping sets it: nothing else follows from what it shows.
CLOCK_ITSELF = ["agents/redfish/care.cc", "agents/redfish/inventory.cc", "agents/redfish/requests.cc"]
BMC_TIMES = re.compile(
    r'"(DateTime(LocalOffset)?|LastModified|LastResetTime|LastStateTime|Created|Modified|StartTime|EndTime|'
    r'EventTimestamp|EntryTime|date|last-modified)"', re.I)
COAWAIT_BRACES = re.compile(r'co_await[^;]*\([^;]*(\{|[A-Z]\w+\()')


def room_of(path: str):
    for room, allowed in ARROWS:
        if path.startswith(room + "/"):
            return room, allowed
    return None, None


def may_see(room: str, allowed: list, target: str) -> bool:
    """Whether a file of `room` may include the header `target`. What wires a node ("common", "agents") sees all of it."""
    there = room_of(target)[0]
    if there is None:
        return False
    if there == room or there in allowed or (room not in LOWEST and there in EVERYBODYS):
        return True
    return any("/" not in one and there.startswith(one + "/") for one in allowed)


def strip_comment(line: str) -> str:
    return line.split("//", 1)[0]


def check_source(path: str, text: str, out: list):
    room, allowed = room_of(path)
    pure = any(path.startswith(p) for p in PURE) and not any(path.startswith(p) for p in NOT_PURE)
    for number, line in enumerate(text.splitlines(), 1):
        def bad(what):
            out.append(f"{path}:{number}: {what}: {line.strip()}")
        include = re.match(r'#include "([^"]+)"', line)
        if include and room:
            if not may_see(room, allowed, include.group(1)):
                bad(f"{room} may not see {room_of(include.group(1))[0] or 'this'}")
        code = strip_comment(line)
        if pure:
            if FORBIDDEN_HEADERS.search(code):
                bad("pure room includes the outside world")
            if FORBIDDEN_CALLS.search(code):
                bad("pure room uses a clock, randomness, a thread or the environment")
        if BMC_TIMES.search(code) and path not in CLOCK_ITSELF and any(path.startswith(one + "/") for one in NEVER_READ):
            bad("the time that a BMC shows is not read")
        if "co_await" in code and COAWAIT_BRACES.search(code):
            bad("temporary inside co_await (name it first)")
        if re.search(r"is_?simulated", code, re.I):
            bad("production code must not know about simulation")
        if re.search(r'(?<!\w)/work/', line):
            bad("machine path")


def check_markdown(path: pathlib.Path, text: str, out: list):
    for number, line in enumerate(text.splitlines(), 1):
        for target in re.findall(r'\]\(([^)#\s]+)(?:#[^)]*)?\)', line):
            if "://" in target or target.startswith("mailto:"):
                continue
            if not (path.parent / target).exists():
                out.append(f"{path.relative_to(ROOT)}:{number}: dead link {target}")


def check_rooms(listed: list, out: list):
    """Every folder with code belongs to a room; ARCHITECTURE.md names every room and every folder of the first two
    levels by its path, and no path that does not exist."""
    named = set(re.findall(r"`([a-z0-9_/-]+)`", (ROOT / "ARCHITECTURE.md").read_text()))
    for folder in sorted({str(pathlib.PurePath(name).parent) for name in listed if name.endswith((".cc", ".h"))}):
        if room_of(folder + "/")[0] is None and folder != "common/cmake":
            out.append(f"{folder}: belongs to no room of the table in {LINT}")
    folders = {"/".join(name.split("/")[:2]) for name in listed if name.count("/") >= 2}
    for folder in sorted(folders | {room for room, _ in ARROWS if "/" in room}):
        if folder not in named and not folder.startswith("."):
            out.append(f"ARCHITECTURE.md: does not name {folder}")
    for name in sorted(named):
        if "/" in name and not (ROOT / name).exists():
            out.append(f"ARCHITECTURE.md: names {name}, which does not exist")


def check_links(listed: list, out: list):
    """What a room's target links, it may see: otherwise a header-only type would come in by a door of its own."""
    rooms, links = {}, []
    for name in listed:
        if not name.endswith("CMakeLists.txt"):
            continue
        folder = str(pathlib.PurePath(name).parent) + "/"
        for target, deps in re.findall(r"mm_room\((\w+) DEPS([^)]*)\)", (ROOT / name).read_text()):
            rooms[target] = folder
            links.append((name, target, deps.split()))
    rooms["mm_schemas"] = "schemas/"
    for name, target, deps in links:
        room, allowed = room_of(rooms[target])
        for dep in deps:
            if dep in rooms and room and not may_see(room, allowed, rooms[dep]):
                out.append(f"{name}: {target} links {dep}, but {room} may not see {room_of(rooms[dep])[0]}")


def check_cases(out: list):
    """What the tables of cases say that holds a case is there: the file, and what is named of it."""
    texts = {}
    for table in ("tests/installer_cases.md", "tests/hazard_cases.md"):
        for number, line in enumerate((ROOT / table).read_text().splitlines(), 1):
            held_by = line.split(" | ")[-1] if line.startswith("| ") else ""
            for path, name in re.findall(r"`((?:tests|common)/[^`]+)`([^,|`]*)", held_by):
                file, name = ROOT / path, name.strip().strip('"')
                if path not in texts:
                    texts[path] = file.read_text() if file.exists() else None
                if texts[path] is None or name not in texts[path]:
                    out.append(f"{table}:{number}: {path} {name}: is not there")


def check_quirks(listed: list, out: list):
    """The table in common/quirks/README.md names every row, and how well it is known."""
    readme = "common/quirks/README.md"
    told = dict(re.findall(r"^\| ([a-z0-9-]+) \| (modelled|recorded|run on hardware) \|", (ROOT / readme).read_text(), re.M))
    rows = {}
    for name in listed:
        if name.startswith("common/quirks/") and name.endswith(".yaml"):
            text = (ROOT / name).read_text()
            level = re.search(r"^level: (\w+)", text, re.M)
            rows[re.search(r"^name: (\S+)", text, re.M).group(1)] = level.group(1).lower().replace("_", " ") if level else "modelled"
    for name in sorted(set(rows) | set(told)):
        if rows.get(name) != told.get(name):
            out.append(f"{readme}:1: row {name} is {rows.get(name, 'not there')}, told as {told.get(name, 'nothing')}")


def main() -> int:
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard"], capture_output=True,
                            text=True, check=True).stdout.split()
    listed = [name for name in listed if (ROOT / name).is_file()]
    out, sources = [], []
    for name in listed:
        path = ROOT / name
        if name.endswith((".cc", ".h")):
            sources.append(name)
            check_source(name, path.read_text(), out)
        elif name.endswith(".md"):
            check_markdown(path, path.read_text(), out)
    check_rooms(listed, out)
    check_links(listed, out)
    check_cases(out)
    check_quirks(listed, out)
    print("\n".join(out))
    print(f"lint: {len(sources)} sources, {len(out)} violations")
    if len(sources) < 50:
        print("lint: too few sources found; is this a checkout?")
        return 1
    return 1 if out else 0


if __name__ == "__main__":
    sys.exit(main())
