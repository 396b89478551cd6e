#!/usr/bin/env python3
"""Seven sick BMCs: seven different failures, each with cause and next step, and nothing of ours left behind."""
from mesh import Mesh, main, wait_until

SICK = {
    "par1-n001": ("unreachable", dict(unreachable=True), "BMC_UNREACHABLE"),
    "par1-n002": ("refuses the login", dict(password="changed"), "BMC_LOGIN_REFUSED"),
    "par1-n003": ("another TLS key", dict(tlsKey=2), "BMC_KEY_CHANGED"),
    "par1-n004": ("no virtual media", dict(hasVirtualMedia=False), "NO_VIRTUAL_MEDIA"),
    "par1-n005": ("foreign media", dict(foreignMedia="https://elsewhere.example/rescue.iso"), "FOREIGN_MEDIA"),
    "par1-n006": ("never reads", dict(neverReads=True), ("MEDIA_NOT_REACHED", "BOOT_IGNORED")),
    "par1-n007": ("stops reading half-way", dict(stopsReadingAt=50), "INSTALLER_STALLED"),
}


def seven_sick_bmcs():
    with Mesh({"par1": 8}, install_ms=1000, agent_config={}) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        for server, (_, change, _) in SICK.items():
            mesh.set_bmc(server, **change)
        mesh.start_rollout("web", select={"labels": {"role": "web"}}, parallel={"total": 8, "perSite": 8},
                           stopAfter={"noCanary": True, "beforeWipe": "100%", "afterWipe": "100%"})
        deployments = mesh.wait_done("web", 240)
        assert deployments["par1-n008"]["state"] == "SUCCEEDED", deployments["par1-n008"]
        texts = set()
        for server, (what, _, code) in SICK.items():
            deployment = deployments[server]
            fault = deployment.get("fault", {})
            assert deployment["state"] in ("FAILED", "INDETERMINATE"), (what, deployment)
            assert fault.get("code") in (code if isinstance(code, tuple) else (code,)), (what, deployment)
            assert fault.get("seen") and fault.get("next"), (what, deployment)
            assert deployment.get("disk") == ("DISK_BEING_WRITTEN" if server == "par1-n007" else "DISK_UNTOUCHED"), (what, deployment)
            texts.add(fault["seen"])
            print(f"{what}: {fault['code']}: {fault['seen']}  Next: {fault['next']}")
        assert len(texts) == len(SICK)
        # The stalled one keeps its half-read medium: its installer may go on yet.
        assert deployments["par1-n007"]["state"] == "INDETERMINATE", deployments["par1-n007"]
        truth = mesh.truth()
        for server in SICK:
            left = truth[server]["media"]
            assert truth[server]["violations"] == [], truth[server]
            if server == "par1-n007":
                assert "/m/" in left, left
                continue
            assert left == ("https://elsewhere.example/rescue.iso" if server == "par1-n005" else ""), (server, left)
            assert truth[server]["installs"] == [], truth[server]
        stalled = deployments["par1-n007"]["id"]
        mesh.cli("deployment", "resolve", stalled, "--as", "failed", "--note", "it waits at a prompt")
        wait_until("a person's word takes the medium out", lambda: mesh.truth()["par1-n007"]["media"] == "", 30)
        wait_until("the site tells it", lambda: any(e.get("type") == "released" for e in mesh.events()), 30)
        wait_until("no session is left", lambda: all(s["sessions"] == 0 for s in mesh.truth().values()), 30)
        shown = mesh.cli("rollout", "watch", "web", check=False)
        assert shown.returncode == 1, shown
        for _, _, code in SICK.values():
            assert any(c in shown.stdout for c in (code if isinstance(code, tuple) else (code,))), shown.stdout


if __name__ == "__main__":
    main([seven_sick_bmcs])
