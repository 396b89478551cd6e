#!/usr/bin/env python3
"""Images on their way to a site: over a line that is cut, from sources that lie, when the room is short, and on a disk
that somebody carries. FETCH_MB and FETCH_CUTS choose the size of the first (a full run: 2000 and 20)."""
import hashlib
import json
import os
import random
import shutil
import subprocess

from image_source import ImageSource
from mesh import BIN, ENV, Mesh, main, wait_until

FETCH_MB = int(os.environ.get("FETCH_MB", 64))
FETCH_CUTS = int(os.environ.get("FETCH_CUTS", 6))
SITE = "par1"


def make_image(mesh, name, megabytes, seed=1):
    """An installer ISO, made long with bytes that do not repeat. Returns its path and digest."""
    path = mesh.folder / name
    shutil.copy(mesh.image, path)
    dice, digest = random.Random(seed), hashlib.sha256()
    with open(path, "r+b") as file:
        digest.update(file.read())
        for _ in range(max(0, megabytes * 1_000_000 - path.stat().st_size) // 1_000_000):
            piece = dice.randbytes(1_000_000)
            digest.update(piece)
            file.write(piece)
    return path, digest.hexdigest()


def apply_image(mesh, name, digest, urls):
    mesh.apply(f"image-{name}", {"kind": "Image", "metadata": {"name": name}, "spec": {
        "family": "placeholder", "iso": {"urls": urls, "sha256": digest}}})


def prefetch_state(mesh, name):
    status = mesh.get(f"/images/{name}").get("status", {})
    return next((p for p in status.get("prefetches", []) if p["site"] == SITE), {})


def prefetch(mesh, name, state="ready", timeout=60):
    """Orders it as a person would and waits for `state`."""
    mesh.cli("image", "prefetch", name, "--site", SITE)
    def reached():
        now = prefetch_state(mesh, name)
        return now if now["state"] == state else None
    return wait_until(f"image {name} is {state} at {SITE}", reached, timeout)


def stored(mesh, digest, suffix=".iso"):
    return mesh.folder / f"agent-{SITE}/images/{digest}{suffix}"


def sha256_of(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def a_line_that_is_cut():
    with Mesh({SITE: 1}) as mesh:
        mesh.apply_basics()
        path, digest = make_image(mesh, "big.iso", FETCH_MB)
        with ImageSource(path, cuts=FETCH_CUTS) as source:
            apply_image(mesh, "big", digest, [source.url])
            prefetch(mesh, "big", timeout=60 + FETCH_MB / 4)
            assert source.cuts_done == FETCH_CUTS, source.cuts_done
            refetched = source.served / source.size - 1
            print(f"{source.size} bytes over {len(source.requests)} connections, {refetched:.2%} fetched twice")
            assert refetched <= 0.05, refetched
        assert sha256_of(stored(mesh, digest)) == digest
        assert mesh.get("/images/big")["status"]["readyAt"] == [SITE]
        assert SITE in mesh.cli("get", "images").stdout

        prefetch(mesh, "big")  # once more: what is there is not fetched again (its source is gone)


def sources_that_lie_and_a_disk_that_is_carried():
    with Mesh({SITE: 1}) as mesh:
        mesh.apply_basics()
        path, digest = make_image(mesh, "good.iso", 8)
        liar = mesh.folder / "liar.iso"
        data = bytearray(path.read_bytes())
        data[5_000_000] ^= 1
        liar.write_bytes(data)
        with ImageSource(liar) as bad, ImageSource(path, status=503) as down, ImageSource(path) as good:
            apply_image(mesh, "lied", digest, [bad.url])
            failed = prefetch(mesh, "lied", "failed")
            assert digest in failed["message"], failed
            told = [e for e in mesh.events() if e.get("event", {}).get("image", {}).get("fault")]
            assert bad.url in told[-1]["event"]["image"]["fault"]["detail"], told[-1]
            assert not stored(mesh, digest).exists() and not stored(mesh, digest, ".part").exists()

            apply_image(mesh, "lied", digest, [down.url, bad.url, good.url])
            prefetch(mesh, "lied")
            assert sha256_of(stored(mesh, digest)) == digest
            assert bad.url in mesh.agents[SITE].text()

        # A second image does not fit beside the first, which nobody needs now.
        other, other_digest = make_image(mesh, "other.iso", 8, seed=2)
        mesh.apply("small-site", {"kind": "Site", "metadata": {"name": SITE}, "spec": {"images": {
            "maximum": "12MB", "bandwidth": [{"from": "00:00", "to": "24:00", "bytesPerSecond": "50MB"}]}}})
        apply_image(mesh, "other", other_digest, [f"file://{other}"])
        prefetch(mesh, "other")
        wait_until("the first is known to be gone", lambda: prefetch_state(mesh, "lied")["state"] == "evicted", 20)
        assert not stored(mesh, digest).exists() and stored(mesh, other_digest).exists()

        # No network: the image comes on a disk, with its sums.
        usb = mesh.folder / "usb"
        usb.mkdir()
        carried, carried_digest = make_image(mesh, "usb/carried.iso", 4, seed=3)
        (usb / "SHA256SUMS").write_text(f"{carried_digest}  carried.iso\n")
        apply_image(mesh, "carried", carried_digest, ["http://127.0.0.1:9/none.iso"])
        result = importing(mesh, usb)
        assert result.returncode == 0, result
        assert json.loads(result.stdout)["images"] == [
            {"file": str(carried), "sha256": carried_digest, "state": "imported"}], result.stdout
        wait_until("the import is known", lambda: mesh.get("/images/carried").get("status", {}).get("readyAt"), 20)
        assert json.loads(importing(mesh, usb).stdout)["images"][0]["state"] == "there"
        assert {digest: state for digest, state in on_disk(mesh)} == {other_digest: "ready", carried_digest: "imported"}
        assert agent_command(mesh, "image", "release", digest).returncode == 1
        released = agent_command(mesh, "image", "release", carried_digest)
        assert released.returncode == 0 and not released.stderr, released
        assert (carried_digest, "ready") in on_disk(mesh)
        with open(carried, "r+b") as file:
            file.write(b"!")
        mesh.agents[SITE].stop()  # works without it just as well
        stored(mesh, carried_digest).unlink()
        refused = importing(mesh, carried)
        assert refused.returncode == 1, refused
        assert carried_digest in json.loads(refused.stdout)["images"][0]["error"], refused.stdout
        assert not stored(mesh, carried_digest).exists()
        assert not list(stored(mesh, "x").parent.glob("*.import"))


def agent_command(mesh, *words):
    return subprocess.run([str(BIN / "metalmesh-agent"), *words, "--config", str(mesh.folder / f"agent-{SITE}.yaml")],
                          capture_output=True, text=True, env=ENV, timeout=60)


def importing(mesh, path):
    return agent_command(mesh, "image", "import", str(path), "-o", "json")


def on_disk(mesh):
    listed = agent_command(mesh, "image", "list", "-o", "json")
    assert listed.returncode == 0, listed
    return [(each["sha256"], each["state"]) for each in json.loads(listed.stdout)["images"]]


def a_source_with_a_certificate_of_the_house():
    with Mesh({SITE: 1}) as mesh:
        mesh.apply_basics()
        path, digest = make_image(mesh, "house.iso", 1)
        with ImageSource(path, tls=(mesh.pki / "api.crt", mesh.pki / "api.key")) as source:
            apply_image(mesh, "house", digest, [source.url + "?token=hush"])
            refused = prefetch(mesh, "house", state="failed")
            assert "imageCa" in refused["message"] and "hush" not in refused["message"], refused
            config = mesh.folder / f"agent-{SITE}.yaml"
            config.write_text(json.dumps({**json.loads(config.read_text()), "imageCa": str(mesh.pki / "ca.crt")}))
            mesh.agents[SITE].stop()
            mesh.agents[SITE].start()
            prefetch(mesh, "house")
        assert sha256_of(stored(mesh, digest)) == digest


if __name__ == "__main__":
    main([a_line_that_is_cut, sources_that_lie_and_a_disk_that_is_carried, a_source_with_a_certificate_of_the_house])
