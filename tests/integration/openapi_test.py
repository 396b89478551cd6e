#!/usr/bin/env python3
"""schemas/rest/openapi.yaml against the controller that it describes, by programs that others wrote: schemathesis drives every
operation with what the schema allows and with what it does not; redocly reads it; openapi-typescript makes a client of it, which
TypeScript compiles and which follows an install to its end. Each of the three is skipped, by name, where PyPI, npm or Node 20
are not there. METALMESH_LONG_TESTS: many more tries of each operation."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from mesh import BIN, ENV, Mesh, Skipped, main

ROOT = pathlib.Path(__file__).resolve().parents[2]
SPEC = ROOT / "schemas/rest/openapi.yaml"
LONG = os.environ.get("METALMESH_LONG_TESTS") == "1"
SEED = os.environ.get("SCHEMATHESIS_SEED", "20261202")
# What schemathesis supposes and we do not promise: that all is taken that is well-formed (422 says why it is not), and that whoever
# guesses tokens is answered at once (429: guessing gets slower; attacks_test.py looks at that).
LEFT_OUT = ["positive_data_acceptance", "ignored_auth"]
# Its body is a stream of lines, which it cannot write; apply_test.py does.
WITHOUT = "applyObjects"


def pip(folder, *packages):
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True, stdout=subprocess.DEVNULL)
    done = subprocess.run([folder / "venv/bin/pip", "-q", "install", "--timeout", "10", "--retries", "1", *packages],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=300)
    return folder / "venv/bin" if done.returncode == 0 else None


def npm(folder, *packages):
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return None
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    if int(re.match(r"v(\d+)", version).group(1)) < 20:
        return None
    (folder / "package.json").write_text('{"private": true, "type": "module"}\n')
    done = subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", *packages], cwd=folder, timeout=300,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return folder / "node_modules/.bin" if done.returncode == 0 else None


def every_operation_is_driven():
    with tempfile.TemporaryDirectory(prefix="mm-openapi-") as name, Mesh({"par1": 3}) as mesh:
        folder = pathlib.Path(name)
        bin_ = pip(folder, "schemathesis==4.32.5")
        if bin_ is None:
            raise Skipped("schemathesis cannot be installed from PyPI here")
        mesh.apply_basics()
        mesh.wait_ready()
        token = (mesh.pki / "admin.token").read_text().strip()
        # One worker: two trip over a fault of CPython 3.11 ("AST constructor recursion depth mismatch").
        run = subprocess.run(
            [bin_ / "st", "run", SPEC, "--url", f"https://127.0.0.1:{mesh.api_port}", "-H", f"Authorization: Bearer {token}",
             "--tls-verify", mesh.pki / "ca.crt", "--max-examples", "60" if LONG else "4", "--seed", SEED,
             "--exclude-checks", ",".join(LEFT_OUT), "--exclude-operation-id", WITHOUT, "--request-timeout", "10", "--continue-on-failure",
             "--generation-deterministic", "--no-color", "--phases", "examples,coverage,fuzzing"],
            cwd=folder, capture_output=True, text=True, env=ENV, timeout=3000 if LONG else 600)
        print(run.stdout[-1500:] if run.returncode == 0 else run.stdout, flush=True)
        assert run.returncode == 0, run.stderr[-2000:]
        assert mesh.controller.alive()


def a_linter_has_nothing_to_say():
    with tempfile.TemporaryDirectory(prefix="mm-redocly-") as name:
        folder = pathlib.Path(name)
        bin_ = npm(folder, "@redocly/cli@2.77.0")
        if bin_ is None:
            raise Skipped("npm, Node 20 or the registry is not there")
        run = subprocess.run([bin_ / "redocly", "lint", "--max-problems", "50", SPEC], cwd=folder, capture_output=True, text=True, env=ENV, timeout=120)
        assert run.returncode == 0 and not re.search(r"\d+ warning", run.stdout + run.stderr), run.stdout + run.stderr


FOLLOW = """
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

const [url, token, server] = process.argv.slice(2) as [string, string, string];
const client = createClient<paths>({ baseUrl: url, headers: { authorization: `Bearer ${token}` } });

function told<T>(answer: { data?: T; error?: components["schemas"]["Problem"] }): T {
  if (answer.data === undefined) throw new Error(answer.error?.detail ?? "no answer");
  return answer.data;
}

const params = { path: { name: "typed" } };
const rollout: components["schemas"]["Rollout"] = { spec: { action: "install", image: "mm", profile: "base", select: { servers: [server] } } };
told(await client.PUT("/api/v1/rollouts/{name}", { params, body: rollout }));
const plan = told(await client.POST("/api/v1/rollouts/{name}/plan", { params })).status?.plan;
told(await client.POST("/api/v1/rollouts/{name}/start", { params, body: { plan: plan?.digest, confirm: plan?.serverCount } }));
for (;;) {
  const list = told(await client.GET("/api/v1/deployments", { params: { query: { rollout: "typed" } } }));
  const one = list.items?.[0];
  const read: number = one?.bytesRead ?? 0;
  const proof: components["schemas"]["Deployment"]["proof"] = one?.proof;
  const code: components["schemas"]["FaultCode"] | undefined = one?.fault?.code;
  if (one?.ended !== undefined) {
    const events = told(await client.GET("/api/v1/events", { params: { query: { rollout: "typed", limit: 1000 } } }));
    const items = typeof events === "string" ? [] : events.items;  // a string is what a stream would be
    const ends = items?.flatMap((e) => (e.event?.ended ? [e.event.ended.outcome] : [])) ?? [];
    console.log(JSON.stringify({ state: one.state, read, proof, code, ends }));
    break;
  }
  await new Promise((resolve) => setTimeout(resolve, 500));
}
"""


def a_generated_client_follows_an_install():
    with tempfile.TemporaryDirectory(prefix="mm-typescript-") as name:
        folder = pathlib.Path(name)
        bin_ = npm(folder, "openapi-typescript@7.13.0", "openapi-fetch@0.17.0", "typescript@5.9.3", "@types/node@20")
        if bin_ is None:
            raise Skipped("npm, Node 20 or the registry is not there")
        with Mesh({"par1": 1}, install_ms=2000) as mesh:
            mesh.apply_basics()
            mesh.wait_ready()
            url, token = f"https://127.0.0.1:{mesh.api_port}", (mesh.pki / "admin.token").read_text().strip()
            served = subprocess.run(["curl", "-sS", "--fail", "--cacert", mesh.pki / "ca.crt", url + "/api/v1/openapi.yaml"],
                                    capture_output=True, text=True, env=ENV, check=True).stdout
            assert served == SPEC.read_text(), "what is served is another description"
            page = subprocess.run(["curl", "-sS", "--fail", "--cacert", mesh.pki / "ca.crt", url + "/api/v1/reference"],
                                  capture_output=True, text=True, env=ENV, check=True).stdout
            assert 'id="startRollout"' in page and "src=" not in page and "//" not in re.sub(r"<code>.*?</code>", "", page), "it needs another origin"
            (folder / "openapi.yaml").write_text(served)
            (folder / "follow.ts").write_text(FOLLOW)
            run = lambda *argv: subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=120,
                                               env=ENV | {"NODE_EXTRA_CA_CERTS": str(mesh.pki / "ca.crt")})
            made = run(bin_ / "openapi-typescript", "openapi.yaml", "-o", "api.ts")
            assert made.returncode == 0, made.stdout + made.stderr
            compiled = run(bin_ / "tsc", "--strict", "--noUncheckedIndexedAccess", "--target", "es2022", "--module", "nodenext",
                           "--skipLibCheck", "follow.ts")
            assert compiled.returncode == 0, compiled.stdout
            followed = run("node", "follow.js", url, token, "par1-n001")
            assert followed.returncode == 0, followed.stdout + followed.stderr
            end = json.loads(followed.stdout)
            assert end["state"] == "SUCCEEDED" and end["ends"] == ["SUCCEEDED"] and end["read"] > 0, end
            mesh.check_truth(["par1-n001"], [])


if __name__ == "__main__":
    main([every_operation_is_driven, a_linter_has_nothing_to_say, a_generated_client_follows_an_install])
