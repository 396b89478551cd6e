#!/usr/bin/env python3
"""What GRUB itself makes of boot menus, against what the reader foretells (tests/unit/menu/menus).

Debian's grub-emu is GRUB without a machine. It has no command that loads a kernel, so functions of those names print what
they are given. It runs each menu as it is, where the entry that is ordered must start with the lines that mm_menu says; and
the medium's menus as they are changed, beginning with each of them in turn, where nothing but our lines may start.

So are 200 generated lines of words, quoted in every way and with variables. Generated scripts (MENU_SCRIPTS of them, from MENU_SEED on), most of them a little wrong, are accepted or refused as
grub-script-check does.
"""
import concurrent.futures
import json
import os
import pathlib
import pty
import random
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

MENUS = pathlib.Path(__file__).resolve().parents[1] / "unit/menu/menus"
SHOW = os.path.join(os.environ["METALMESH_BIN"], "mm_menu")
LOADERS = "linux linux16 linuxefi initrd initrd16 initrdefi multiboot multiboot2 module module2".split()
ENDS = ("Failed to boot", "Press any key", "Minimal BASH")


def run(*command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    assert done.returncode == 0, (command, done.stdout[-500:], done.stderr[-500:])
    return done.stdout


def sections(menu):
    """The head of a .menu file, and its files."""
    head, *files = re.split(r"^--- ", menu.read_text(), flags=re.M)
    newline = "\r\n" if "\ncrlf\n" in head else "\n"
    texts = {}
    for text in files:
        path, content = text.split("\n", 1)
        texts[path] = content.replace("\n", newline)
    keys = [line.split(" ", 1) for line in head.splitlines()]
    return keys, texts


def image(folder, label, files):
    tree = folder / "tree"
    for path, content in files.items():
        (tree / path[1:]).parent.mkdir(parents=True, exist_ok=True)
        (tree / path[1:]).write_bytes(content.encode())
    iso = folder / "medium.iso"
    run("xorriso", "-as", "mkisofs", "-quiet", "-R", "-V", label, "-o", iso, tree)
    shutil.rmtree(tree)
    return iso


def emulated(folder, iso, begin):
    """What is loaded when GRUB begins with that file of the medium: a list of lines, each a list of words."""
    boot = folder / "boot"
    boot.mkdir(exist_ok=True)
    (folder / "devices").write_text(f"(hd0) {iso}\n")
    say = 'function mm_say { echo "@@"; for a in "$@"; do echo "@=$a"; done; echo "@."; }\n'
    (boot / "grub.cfg").write_text(
        say + "".join(f'function {name} {{ mm_say {name} "$@"; }}\n' for name in LOADERS) +
        f"set pager=0\nset grub_platform=efi\nset grub_cpu=x86_64\nexport grub_platform grub_cpu\nset root=hd0\n"
        f"set prefix=(hd0){begin.rsplit('/', 1)[0]}\nset cmdpath=(hd0)/EFI/BOOT\nconfigfile (hd0){begin}\n")
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(TERM="vt100", SDL_VIDEODRIVER="none")  # a graphical terminal cannot be read
        os.execvp("grub-emu", ["grub-emu", "-r", "host", "-d", str(boot), "-m", str(folder / "devices")])
    out, until = b"", time.monotonic() + 60
    while time.monotonic() < until and not any(end.encode() in out for end in ENDS):
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                out += os.read(terminal, 65536)
            except OSError:
                break
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(terminal)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", out.decode("utf-8", "replace")).replace("\r\n\r", "\n").replace("\r", "")
    lines = []
    for block in re.findall(r"^@@\n((?:@=.*\n|[^@].*\n)*)@\.$", text, flags=re.M):
        # A word that does not fit is wrapped by the terminal at 80 columns.
        words = ["".join(part) for part in re.findall(r"^@=(.*)((?:\n(?!@=).*)*)", block, flags=re.M)]
        lines.append([word.replace("\n", "") for word in words])
    return lines, text


def loaded(lines):
    """What counts in the end: a kernel begins anew, a second initrd takes the first one's place."""
    out = []
    for line in lines:
        if line[0].startswith(("linux", "multiboot")):
            out = []
        if line[0].startswith("initrd"):
            out = [one for one in out if not one[0].startswith("initrd")]
        out.append(line)
    return out


def on_medium(line):
    """Paths as mm_menu says them: without device, dots and double slashes."""
    out = []
    for i, word in enumerate(line):
        path = re.sub(r"^\(hd0\)", "", word)
        is_path = i > 0 and (line[0].startswith("initrd") or i == 1) and path.startswith("/")
        out.append(os.path.normpath(path) if is_path else word)
    return out


def told_to_start(texts, keys, title):
    """The menus with what leads GRUB to that entry at their ends."""
    place = {path: value for key, *rest in keys if key == "default" for path, value in [rest[0].split(" ", 1)]}
    out = {}
    for path, text in texts.items():
        name = place.get(path, title.replace(" > ", "\0").replace(">", ">>").replace("\0", ">"))
        quoted = "'" + name.replace("'", "'\\''") + "'"
        out[path] = text + f"\nset default={quoted}\nset timeout=0\nset timeout_style=menu\n"
    return out


def check(menu):
    keys, texts = sections(menu)
    values = {key: rest[0] for key, *rest in keys if rest}
    with tempfile.TemporaryDirectory(prefix="menus-") as scratch:
        folder = pathlib.Path(scratch)
        said = json.loads(run(SHOW, menu, folder / "changed"))
        if "refused" in said:
            assert "refused" in values, said
            return 0
        more = {rest[0]: "" for key, *rest in keys if key == "file"}
        files = {path: "" for line in said["own"] for path in line[1:None if line[0].startswith("initrd") else 2]}
        grub = {path: text for path, text in texts.items() if path != values.get("bios")}
        first = said["at"].rsplit(":", 1)[0]
        iso = image(folder, values["label"], files | more | told_to_start(grub, keys, said["entry"]))
        seen, text = emulated(folder, iso, values.get("begin", first))
        assert [on_medium(line) for line in loaded(seen)] == said["own"], (menu.name, seen, said["own"], text[-700:])
        changed = {path: (folder / "changed" / path[1:]).read_text().replace("set timeout=1", "set timeout=0")
                   for path in said["changes"]}
        iso = image(folder, values["label"], files | more | changed)
        for begin in grub:
            seen, text = emulated(folder, iso, begin)
            assert seen == said["ours"], (menu.name, begin, seen, said["ours"], text[-700:])
        return 1 + len(grub)


def block(rng, depth):
    return "".join(command(rng, depth + 1) + rng.choice(("\n", "; ", ";\n")) for _ in range(rng.randint(1, 3)))


def word(rng):
    if rng.random() < 0.03:
        return rng.choice(("{", "}", "[[", "]]", "$", "'"))
    return rng.choice(("a", "b=c", "'q q'", '"d $x"', "$x", "${y}", "a'b'\"c\"", "\\;", "x\\\n", "[", "]", "if", "fi", "then",
                       "do", "in", "#r", "a#b", "$1", "$@", "$?", "--id", "-f", "\"\\\"\"", "'\n'", "time", "!", "${1}", "$\"t\""))


def command(rng, depth=0):
    kind = rng.randint(0, 11 if depth < 4 else 4)
    if kind < 5:
        return " ".join([rng.choice(("echo", "set", "linux", "initrd", "[", "true"))] + [word(rng) for _ in range(rng.randint(0, 4))])
    if kind < 8:
        return f"{rng.choice(('menuentry', 'submenu'))} {word(rng)} {{{rng.choice((chr(10), ' ', ''))}{block(rng, depth)}}}"
    if kind == 8:
        other = rng.choice(("", f"else {block(rng, depth)}", f"elif {block(rng, depth)}then {block(rng, depth)}"))
        return f"if {block(rng, depth)}then {block(rng, depth)}{other}fi"
    if kind == 9:
        return f"for i in {word(rng)} b; do {block(rng, depth)}done"
    if kind == 10:
        return f"{rng.choice(('while', 'until'))} {block(rng, depth)}do {block(rng, depth)}done"
    return f"function f {{{rng.choice((chr(10), ' '))}{block(rng, depth)}}}"


def script(seed):
    rng = random.Random(seed)
    text = "".join(command(rng) + rng.choice(("\n", "\n\n", "; ", " # r\n")) for _ in range(rng.randint(1, 3))) + "\n"
    for _ in range(rng.choice((0, 0, 1, 2))):  # something is lost, doubled, or there that should not be
        at = rng.randrange(len(text))
        text = text[:at] + rng.choice(("", text[at] * 2, rng.choice("{}'\"$\\;#&|<> \n"))) + text[at + 1:]
    return text.rstrip("\n") + "\n"


def piece(rng):
    return rng.choice((lambda: rng.choice("abc=,./:-_@%+~^!") * rng.randint(1, 2), lambda: "'" + rng.choice(("a b", '"', "$x", "\\", "", ";{}|&<>")) + "'",
                       lambda: '"' + rng.choice(("a  b", "'", "$x", "${two}y", '\\"', "\\\\", "\\$x", "\\a", "", "$none", "c\\\nd")) + '"',
                       lambda: "\\" + rng.choice("abc;{}'\" $#|&<>\\"), lambda: rng.choice(("$x", "${two}", "$none", "$1", "$2", "$#", '"$@"', "$?"))))()


def words_menu(seed):
    """A menu whose one entry hands over 200 lines of such words."""
    rng = random.Random(seed)
    lines = (" ".join("".join(piece(rng) for _ in range(rng.randint(1, 4))) for _ in range(rng.randint(1, 4))) for _ in range(200))
    text = "".join(f"  module2 /m {line}\n" for line in lines)
    return ("family bring-your-own\nlabel W\n--- /boot/grub/grub.cfg\nset x=val\nset two='v w'\n"
            f"menuentry e 'an argument' {{\n  multiboot2 /k\n{text}}}\n")


def compare_scripts(folder, seeds):
    """Whether GRUB's own checker and ours agree."""
    for seed in seeds:
        (folder / str(seed)).write_text(script(seed))
    said = dict(line.split(" ", 1) for line in run(SHOW, "scripts", folder).splitlines() if re.match(r"\d+ ", line))
    wrong, accepted = [], 0
    for seed in seeds:
        theirs = subprocess.run(["grub-script-check", folder / str(seed)], capture_output=True, text=True)
        fine = theirs.returncode == 0 or "contains no commands" in theirs.stdout + theirs.stderr
        accepted += fine
        if fine != (said[str(seed)] == "accepted"):
            wrong.append((seed, said[str(seed)], theirs.stderr.strip()[:200], script(seed)))
    print(f"{len(seeds)} scripts from {seeds[0]} on, {accepted} accepted, {len(wrong)} judged otherwise than by GRUB")
    for one in wrong[:10]:
        print("BAD", one)
    return not wrong


def main():
    for program in ("grub-emu", "grub-script-check", "xorriso"):
        if not shutil.which(program):
            print(f"skipped: {program} is missing")
            sys.exit(77)
    seed = int(os.environ.get("MENU_SEED", "1"))
    scratch = tempfile.TemporaryDirectory(prefix="scripts-")
    folder = pathlib.Path(scratch.name)
    (folder / f"words-{seed}.menu").write_text(words_menu(seed))
    wanted = [menu for menu in sorted(MENUS.glob("*.menu")) if not sys.argv[1:] or menu.stem in sys.argv[1:]]
    begin, runs, wrong = time.monotonic(), 0, []
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for menu, done in [(menu, pool.submit(check, menu)) for menu in [*wanted, folder / f"words-{seed}.menu"]]:
            try:
                runs += done.result()
            except AssertionError as error:
                wrong.append((menu.stem, error))
    for name, error in wrong:
        print(f"BAD {name}: {error}")
    print(f"{len(wanted)} menus and the words of seed {seed}, {runs} runs of GRUB, {len(wrong)} wrong ({time.monotonic() - begin:.0f} s)")
    (folder / "all").mkdir()
    agreed = compare_scripts(folder / "all", range(seed, seed + int(os.environ.get("MENU_SCRIPTS", "500"))))
    sys.exit(1 if wrong or not agreed else 0)


if __name__ == "__main__":
    main()
