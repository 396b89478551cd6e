"""The main job on embedded defaults, as deploy/demo runs it. The mesh itself is started by tests/integration/mesh.py."""
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests/integration"))
from mesh import BIN, Mesh  # noqa: E402


def show(mesh, *words):
    """Types a command like a person would, lets it talk to the terminal."""
    print(f"\n$ metalmesh {' '.join(map(str, words))}", flush=True)
    return subprocess.run([str(BIN / "metalmesh"), "--server", f"https://localhost:{mesh.api_port}", "--ca",
                           str(mesh.pki / "ca.crt"), "--token-file", str(mesh.pki / "admin.token"), *map(str, words)]).returncode


def main():
    begin = time.monotonic()
    with Mesh({"par1": 10, "lyo2": 10}, install_ms=4000) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        show(mesh, "get", "sites")
        plan = mesh.rollout("web", select={"labels": {"role": "web"}})
        show(mesh, "rollout", "plan", "web")
        # The plan above and the start below must be of one selection: the digest says so.
        plan = mesh.get("/rollouts/web")["status"]["plan"]
        if show(mesh, "rollout", "start", "web", "--plan", plan["digest"], "--confirm", len(plan["servers"])) != 0:
            return 1
        watched = show(mesh, "rollout", "watch", "web")
        show(mesh, "get", "deployments")
        done = [d for d in mesh.deployments("web").values() if d["state"] == "SUCCEEDED"]
        print(f"\n{len(done)} of {len(plan['servers'])} SUCCEEDED in {time.monotonic() - begin:.0f} s")
        if "--keep" in sys.argv:
            print(f"\nRunning. Use it with:\n  export METALMESH_CONFIG={mesh.pki / 'config.yaml'}\n"
                  f"  {BIN / 'metalmesh'} --server https://localhost:{mesh.api_port} get servers\nEnter ends it.", flush=True)
            input()
        return 0 if watched == 0 and len(done) == len(plan["servers"]) == 20 else 1


if __name__ == "__main__":
    sys.exit(main())
