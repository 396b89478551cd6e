#!/usr/bin/env python3
"""Which BMCs stand at a site's addresses: one is registered, one is slow, one takes no TLS of ours, one speaks HTTP alone, one is
no BMC at all. Nobody is logged in to unless the network says so, nothing is registered, and what is proposed can be applied."""
import http.server
import re
import ssl
import subprocess
import threading

from mesh import BIN, Mesh, Process, free_port, main, wait_until


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>a printer</html>")

    def log_message(self, *_):
        pass


def web_server(address, port, pki=None):
    server = http.server.ThreadingHTTPServer((address, port), Page)
    if pki:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pki / "api.crt", pki / "api.key")
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def discover(mesh, *args, check=True):
    return mesh.cli("discover", "par1", *args, check=check)


def found(mesh):
    return {f["bmc"]["address"].split(":")[0].rsplit(".", 1)[1]: {**f["bmc"], "server": f.get("server", "")}
            for f in mesh.get("/sites/par1/discovery").get("found", [])}


def set_networks(mesh, *networks):
    mesh.apply("networks", {"kind": "Site", "metadata": {"name": "par1"}, "spec": {"bmcNetworks": list(networks)}})


def a_range_is_looked_at_and_nothing_else_happens():
    with Mesh({"par1": 5}) as mesh:
        mesh.apply("basics", {"kind": "Site", "metadata": {"name": "par1"}, "spec": {}},
                   {"kind": "Credential", "metadata": {"name": "par1-bmc"}, "spec": {"site": "par1"}})
        truth = mesh.truth()
        inventory = (mesh.folder / "par1-servers.yaml").read_text()
        net, port = truth["par1-n001"]["address"].rsplit(".", 1)[0], int(re.search(r"127\.[\d.]+:(\d+)", inventory)[1])
        first = inventory.split("\n---\n")[0]
        (mesh.folder / "first.yaml").write_text(first)
        mesh.cli("apply", "-f", mesh.folder / "first.yaml")
        wait_until("it is inspected", lambda: mesh.get("/servers/par1-n001")["status"].get("inspectedAt"), 30)
        mesh.set_bmc("par1-n005", faults=["tls_1_0_only"])
        slow = Process("slow", [BIN / "metalmesh-bmcsim", "serve", "--site", "slow", "--count", 1, "--first-address", f"{net}.9", "--port",
                                port, "--control-port", free_port(), "--reply-delay-ms", 3000], mesh.folder).start()
        others = [web_server(f"{net}.7", port), web_server(f"{net}.8", port, mesh.pki)]
        try:
            wait_until("the slow one is up", lambda: "ready" in slow.text(), 10)
            wait_until("the site is heard", lambda: mesh.get("/sites/par1")["status"].get("connected"), 20)
            look(mesh, net, port, mesh.truth())
            compare_and_apply(mesh, net, port)
            stop_it(mesh, net, port)
        finally:
            slow.kill()
            for server in others:
                server.shutdown()


def look(mesh, net, port, before):
    said = discover(mesh, "--range", f"{net}.0/28", "--port", port)
    assert "14 of 14 addresses looked at" in said.stderr, said
    assert "14 addresses: 5 BMCs, 1 of what answers is registered already" in said.stdout, said.stdout
    seen = found(mesh)
    assert {k for k, v in seen.items() if v["what"] == "REDFISH"} == {"1", "2", "3", "4", "9"}, seen
    assert seen["1"]["server"] == "par1-n001" and not any(v["server"] for k, v in seen.items() if k != "1"), seen
    assert seen["5"]["what"] == "NO_TLS" and seen["7"]["what"] == "NO_TLS", seen
    assert seen["8"]["what"] == "OTHER" and seen["8"]["keySha256"], seen
    assert len(seen["2"]["keySha256"]) == 64 and seen["2"]["uuid"] and not seen["2"].get("serial"), seen["2"]
    truth = mesh.truth()
    for name in ("par1-n002", "par1-n003", "par1-n004"):
        assert truth[name]["requests"] - before[name]["requests"] == 1, (name, "one reading of the root, and no login", truth[name])
    assert all(server["sessions"] == 0 for server in truth.values()), truth
    assert [s["metadata"]["name"] for s in mesh.every("/servers")] == ["par1-n001"], "nothing is registered by it"
    refused = discover(mesh, "--range", "10.0.0.0/8", check=False)
    assert refused.returncode == 1 and "more than 4096 addresses" in refused.stderr, refused
    set_networks(mesh, {"cidr": f"{net}.0/28", "credentials": ["par1-bmc"]})
    outside = discover(mesh, "--range", f"{net}.0/27", "--port", port, check=False)
    assert outside.returncode == 1 and "BMC_NOT_ALLOWED" in outside.stderr and f"{net}.16" in outside.stderr, outside


def compare_and_apply(mesh, net, port):
    set_networks(mesh, {"cidr": f"{net}.0/28", "credentials": ["par1-bmc"], "discoverWithLogin": True})
    truth = mesh.truth()
    wait_until("the agent has its networks", lambda: mesh.get("/sites/par1")["status"].get("commandsPending", 0) == 0, 20)
    serials = mesh.folder / "serials.csv"
    serials.write_text("serial,name\n" + "\n".join(
        [f"{truth['par1-n001']['serial']},", f"{truth['par1-n002']['serial']},web-2", f"{truth['par1-n003']['serial']},", "CZ404,web-404"]))
    said = discover(mesh, "--range", f"{net}.1-{net}.4", "--port", port, "--serials", serials, check=False)
    assert said.returncode == 1, said
    assert "missing: CZ404 (web-404)" in said.stdout and "missing:" not in said.stdout.replace("missing: CZ404", ""), said.stdout
    assert f"unexpected: {truth['par1-n004']['serial']} at {net}.4:{port}" in said.stdout, said.stdout
    assert found(mesh)["2"]["serial"] == truth["par1-n002"]["serial"] and found(mesh)["2"]["model"], found(mesh)
    wait_until("nobody is logged in", lambda: all(s["sessions"] == 0 for s in mesh.truth().values()), 20)
    servers = mesh.folder / "proposed.yaml"
    servers.write_text(discover(mesh, "--last", "--serials", serials, "-o", "yaml", check=False).stdout)
    assert [s["metadata"]["name"] for s in mesh.every("/servers")] == ["par1-n001"], "nothing is registered by it"
    mesh.cli("apply", "-f", servers)
    assert "web-2" in {s["metadata"]["name"] for s in mesh.every("/servers")}, servers.read_text()
    assert len(mesh.every("/servers")) == 4, servers.read_text()
    wait_until("those are inspected", lambda: all(s["status"].get("inspectedAt") for s in mesh.every("/servers")), 30)
    set_networks(mesh)


def stop_it(mesh, net, port):
    prefix = net.rsplit(".", 1)[0]
    argv = mesh.cli_argv("discover", "par1", "--range", f"{prefix}.240.0/20", "--port", port)
    running = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        wait_until("it moves, not the one before it", lambda: mesh.get("/sites/par1/discovery").get("asked", 0) > 16, 30)
        again = discover(mesh, "--range", f"{net}.1", check=False)
        assert again.returncode == 1 and "--stop" in again.stderr, again
        assert "was stopped" in discover(mesh, "--stop").stdout
        out, _ = running.communicate(timeout=20)
        assert "it was stopped" in out, out
        wait_until("its site heard of it", lambda: mesh.get("/sites/par1/discovery").get("fault"), 20)
    finally:
        running.kill()


if __name__ == "__main__":
    main([a_range_is_looked_at_and_nothing_else_happens])
