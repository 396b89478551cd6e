#!/usr/bin/env python3
"""What a message advises is typed here as it stands, with the real programs, and does something."""
import re
import subprocess

from mesh import BIN, ENV, Mesh, main, wait_until


def agent_cli(mesh, site, command, stdin=None):
    """Types what a message says on the agent's host; only USER is filled in."""
    words = command.replace("USER", "admin").split()
    assert words.pop(0) == "metalmesh-agent", command
    return subprocess.run([str(BIN / "metalmesh-agent"), "--config", str(mesh.folder / f"agent-{site}.yaml"), *words],
                          check=True, capture_output=True, text=True, env=ENV, input=stdin).stdout


def held(mesh):
    return mesh.get("/credentials/par1-bmc").get("status", {})


def hold(mesh, rollout, servers):
    """BMCs that take another password: the credential is held. Returns the commands that the message names."""
    for server in servers:
        mesh.set_bmc(server, password="other")
    seen = sum(e["type"] == "credential_held" for e in mesh.events())
    # Three are refused at once; who comes after them finds the credential held.
    mesh.start_rollout(rollout, select={"servers": servers}, parallel={"total": 3, "perSite": 3},
                       stopAfter={"noCanary": True, "beforeWipe": "100%"})
    wait_until("the credential is held", lambda: held(mesh).get("held"), 60)
    told = [e["message"] for e in mesh.events() if e["type"] == "credential_held"]
    assert len(told) == seen + 1, told
    bmcs = held(mesh)["bmcs"]
    assert len(bmcs) >= 3 and all(bmc in told[-1] for bmc in bmcs), (bmcs, told)
    return re.findall(r"metalmesh-agent credential \w+ \S+(?: --username USER)?", told[-1].replace(",", " "))


def a_held_credential_goes_on_with_each_step_that_is_named():
    with Mesh({"par1": 10}) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        names = [f"par1-n{i:03}" for i in range(1, 11)]
        for rollout, servers, which in (("first", names[:5], "release"), ("second", names[5:], "set")):
            commands = hold(mesh, rollout, servers)
            command = next(c for c in commands if f"credential {which} " in c)
            for server in servers:
                mesh.set_bmc(server, password="password")
            agent_cli(mesh, "par1", command, stdin="password\n")  # the value is the one that was there
            wait_until("the credential is released", lambda: not held(mesh).get("held"), 30)
            ended = mesh.wait_done(rollout, 120)
            good = [n for n, d in ended.items() if d["state"] == "SUCCEEDED"]
            assert len(good) >= 1, ended
            for name, deployment in ended.items():
                assert name in good or deployment["fault"]["code"] == "BMC_LOGIN_REFUSED", deployment
                if name not in good:
                    assert "metalmesh-agent credential set par1-bmc" in deployment["fault"]["next"], deployment


def one_bmc_with_another_password_holds_nobody_else():
    with Mesh({"par1": 4}) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        mesh.set_bmc("par1-n001", password="other")
        for _ in range(4):
            mesh.cli("inspect", "par1-n001", "--wait", check=False)
        assert not held(mesh).get("held"), held(mesh)
        refused = [a for a in mesh.acts("par1") if a["what"] == "login refused"]
        assert len(refused) == 3, refused  # then its account is left alone
        mesh.start_rollout("web", select={"servers": ["par1-n002", "par1-n003"]}, stopAfter={"noCanary": True})
        assert all(d["state"] == "SUCCEEDED" for d in mesh.wait_done("web").values())


def words_for_people():
    with Mesh({"par1": 1}) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        unknown = mesh.cli("insect", "par1-n001", check=False)
        assert unknown.returncode == 2 and 'did you mean "inspect"?' in unknown.stderr, unknown
        wrong = mesh.cli("get", "server", "par1-n002", check=False)
        assert wrong.returncode == 1 and 'did you mean "par1-n001"?' in wrong.stderr, wrong
        assert "metalmesh get servers" in wrong.stderr, wrong
        objects = mesh.cli("get", "servers", "-o", "json").stdout
        mesh.cli("apply", "-f", "-", stdin=objects)
        assert mesh.cli("events", "--rollout", "nope", check=False).returncode == 1
        with open("/dev/full", "w") as full:
            status = subprocess.run([str(BIN / "metalmesh"), "--server", f"https://localhost:{mesh.api_port}", "--ca",
                                     str(mesh.pki / "ca.crt"), "--token-file", str(mesh.pki / "admin.token"), "get",
                                     "servers"], stdout=full, stderr=subprocess.DEVNULL, env=ENV).returncode
        assert status == 1, status
        assert subprocess.run([str(BIN / "metalmesh-bmcsim"), "serve", "--nope"], capture_output=True).returncode == 2
        mesh.agents["par1"].stop()
        wait_until("the site is silent", lambda: not mesh.get("/sites/par1")["status"].get("connected"), 120)
        alone = mesh.cli("inspect", "par1-n001", "--wait", check=False, timeout=20)
        assert alone.returncode == 1 and "no agent of site par1 is connected" in alone.stderr, alone


if __name__ == "__main__":
    main([a_held_credential_goes_on_with_each_step_that_is_named, one_bmc_with_another_password_holds_nobody_else,
          words_for_people])
