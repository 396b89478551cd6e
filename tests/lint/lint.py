#!/usr/bin/env python3
"""The rules of the house that a compiler does not check.

 - include arrows: a room includes only the rooms it may know (the table below is ARCHITECTURE.md's picture)
 - pure rooms have no clock, randomness, socket, file, thread or environment
 - inside `co_await` only named locals (GCC 12 corrupts the heap otherwise)
 - links in the Markdown files lead somewhere; no machine paths, no "is simulated" branches
Prints each violation as file:line: text and exits 1.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

# room -> rooms it may include, besides itself, schemas, common/text and common/base. First match wins.
ARROWS = [
    ("common/text/filler", []),
    ("common/text", []),
    ("common/base", []),
    ("common/os", []),
    ("common/ports", []),
    ("common/delivery", ["common/ports"]),
    ("common/turn", ["common/ports"]),
    ("common/recording", ["common/ports", "common/turn"]),
    ("common/hosts", []),
    ("common/families", []),
    ("common/adapters", ["common/os", "common/ports", "common/families", "common/recording"]),
    ("agents/redfish", ["common/ports"]),
    ("agents/bmc", ["common/ports", "agents/redfish"]),
    ("agents/install", ["common/ports", "agents/redfish", "agents/bmc"]),
    ("agents/media/server", ["common/os", "common/ports", "agents/media"]),
    ("agents/media/answer", ["common/ports", "common/hosts", "common/families"]),
    ("agents/media", ["common/ports"]),
    ("agents/core", ["common/ports", "common/delivery", "common/turn", "common/families", "agents/redfish", "agents/bmc",
                     "agents/install", "agents/media"]),
    ("agents/app", ["common", "agents"]),
    ("controller/state", ["common/ports"]),
    ("controller/core", ["common/ports", "common/delivery", "common/turn", "common/hosts", "controller/state"]),
    ("controller/api", ["common/ports", "common/delivery", "common/turn", "common/families", "controller/state", "controller/core"]),
    ("controller/up", ["common/adapters", "common/os", "common/ports"]),
    ("controller/cli", ["common/adapters", "common/os", "common/ports", "controller/up"]),
    ("controller/app", ["common", "controller"]),
    ("tests", ["common", "agents", "controller", "tests"]),
]
PURE = [
    "common/text", "common/base", "common/ports", "common/hosts", "common/families", "common/delivery", "common/turn/outcome",
    "common/turn/decision_core", "common/recording", "agents/redfish", "agents/bmc", "agents/install",
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
COAWAIT_BRACES = re.compile(r'co_await[^;]*\([^;]*(\{|[A-Z]\w+\()')


def room_of(path: str):
    for room, allowed in ARROWS:
        if path.startswith(room + "/"):
            return room, allowed
    return None, None


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
            target = include.group(1)
            # A media-server header may not be seen by the pure media room although it lies below it.
            if room == "agents/media" and target.startswith("agents/media/server/"):
                bad("arrow agents/media -> agents/media/server")
            elif not target.startswith(("schemas/", "common/text/", "common/base/", room + "/")) and not any(
                    target.startswith(a + "/") for a in allowed):
                bad(f"arrow from {room} not allowed")
        code = strip_comment(line)
        if pure:
            if FORBIDDEN_HEADERS.search(code):
                bad("pure room includes the outside world")
            if FORBIDDEN_CALLS.search(code):
                bad("pure room uses a clock, randomness, a thread or the environment")
        if "co_await" in code and COAWAIT_BRACES.search(code):
            bad("temporary inside co_await (name it first)")
        if re.search(r"is_?simulated", code, re.I):
            bad("production code must not know about simulation")
        if "/work/" in line:
            bad("machine path")


def check_markdown(path: pathlib.Path, text: str, out: list):
    for number, line in enumerate(text.splitlines(), 1):
        for target in re.findall(r'\]\(([^)#\s]+)(?:#[^)]*)?\)', line):
            if "://" in target or target.startswith("mailto:"):
                continue
            if not (path.parent / target).exists():
                out.append(f"{path.relative_to(ROOT)}:{number}: dead link {target}")


def main() -> int:
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard"], capture_output=True,
                            text=True, check=True).stdout.split()
    out, seen = [], 0
    for name in listed:
        path = ROOT / name
        if not path.is_file():
            continue
        if name.endswith((".cc", ".h")):
            seen += 1
            check_source(name, path.read_text(), out)
        elif name.endswith(".md"):
            check_markdown(path, path.read_text(), out)
    print("\n".join(out))
    print(f"lint: {seen} sources, {len(out)} violations")
    if seen < 50:
        print("lint: too few sources found; is this a checkout?")
        return 1
    return 1 if out else 0


if __name__ == "__main__":
    sys.exit(main())
