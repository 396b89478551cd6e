"""The networks of a site's BMCs: who is outside of them is never contacted, whatever leads there, and a BMC that reads no HTTPS
gets its medium over a listener of its own."""
import json
import re
import socket
import urllib.error
import urllib.request

from mesh import Mesh, main, succeeded, wait_until


class Stranger:
    """Listens where no BMC of the site is, and hopes for a password."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.socket.settimeout(0.2)
        self.port = self.socket.getsockname()[1]

    def was_contacted(self):
        try:
            self.socket.accept()[0].close()
            return True
        except TimeoutError:
            return False


def server_object(name, address):
    return {"kind": "Server", "metadata": {"name": name}, "spec": {
        "site": "par1", "bmc": {"address": address, "credential": "par1-bmc"}, "identity": {"serial": f"{name}-1"}, "state": "new"}}


def set_networks(mesh, *networks):
    spec = mesh.get("/sites/par1").get("spec", {})
    mesh.apply("networks", {"kind": "Site", "metadata": {"name": "par1"}, "spec": {**spec, "bmcNetworks": list(networks)}})


def own_network(mesh):
    address = mesh.get("/servers/par1-n001")["spec"]["bmc"]["address"].split(":")[0]
    return address.rsplit(".", 1)[0] + ".0/24"


def nobody_elsewhere_is_contacted():
    with Mesh({"par1": 1}) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        set_networks(mesh, {"cidr": own_network(mesh), "credentials": ["par1-bmc"]})
        stranger = Stranger()
        wrong = {"by-address": f"127.0.0.1:{stranger.port}", "by-name": f"localhost:{stranger.port}"}
        mesh.apply("strangers", *[server_object(name, address) for name, address in wrong.items()])
        for name in wrong:
            wait_until(f"{name} is refused", lambda n=name: "BMC_NOT_ALLOWED" in json.dumps(mesh.get(f"/servers/{n}")["status"]), 20)
            assert "bmcNetworks" in json.dumps(mesh.get(f"/servers/{name}")["status"]), mesh.get(f"/servers/{name}")
        assert not stranger.was_contacted()
        mesh.rollout("all", select={"servers": ["par1-n001", *wrong]})
        mesh.cli("rollout", "plan", "all")
        left_out = {e["name"]: e["reason"] for e in mesh.get("/rollouts/all")["status"]["plan"]["excluded"]}
        assert left_out["by-address"] == "BMC_NOT_ALLOWED", left_out
        assert "by-name" in left_out, left_out
        overlapping = mesh.rest("PUT", "/api/v1/sites/par1", {"spec": {"bmcNetworks": [{"cidr": "10.0.0.0/8"}, {"cidr": "10.1.0.0/16"}]}})
        assert overlapping[0] == 422 and "overlaps" in json.dumps(overlapping[2]), overlapping


def media_without_tls_for_those_who_need_it():
    with Mesh({"par1": 2}, install_ms=4000, media_config={"plainListen": "127.0.0.1:0"}) as mesh:
        mesh.apply_basics()
        mesh.wait_ready()
        server = mesh.get("/servers/par1-n001")
        server["spec"]["bmc"]["media"] = "http"
        mesh.apply("plain", {"kind": "Server", "metadata": server["metadata"], "spec": server["spec"]})
        mesh.set_bmc("par1-n001", faults=["http_only"])
        mesh.wait_ready()  # what was changed is inspected again
        mesh.start_rollout("both", select={"sites": ["*"]})
        media = {}

        def seen():
            for name, state in mesh.truth().items():
                if state["media"]:
                    media[name] = state["media"]
            return len(media) == 2
        wait_until("both have their medium", seen, 30)
        assert media["par1-n001"].startswith("http://"), media
        assert media["par1-n002"].startswith("https://"), media
        # The other one's medium is not to be had in clear, and the first's is no secret to who must read it so.
        plain_base = re.match(r"http://[^/]+", media["par1-n001"])[0]
        token = media["par1-n002"].rsplit("/", 1)[1]
        try:
            urllib.request.urlopen(f"{plain_base}/m/{token}", timeout=10)
            raise AssertionError("a medium that was ordered with TLS is served without")
        except urllib.error.HTTPError as refused:
            assert refused.code == 404, refused
        done = mesh.wait_done("both")
        succeeded(done)
        mesh.check_truth(["par1-n001", "par1-n002"])
        told = mesh.deployments("both")
        assert "without TLS" in json.dumps(told["par1-n001"]["evidence"]), told
        assert "without TLS" not in json.dumps(told["par1-n002"]), told


if __name__ == "__main__":
    main([nobody_elsewhere_is_contacted, media_without_tls_for_those_who_need_it])
