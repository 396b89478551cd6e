#!/usr/bin/env python3
"""schemas/wire/asyncapi.yaml says what goes over the broker: each topic that the ACL and the controller know and no other, each field
that tools.proto has and no other. npm's parser finds nothing wrong in it; that is skipped, by name, where npm or Node 20 are not there."""
import json
import pathlib
import re
import subprocess
import tempfile

import yaml

from mesh import ENV, ROOT, Skipped, main
from openapi_test import npm

SPEC = ROOT / "schemas/wire/asyncapi.yaml"
READ = """
import { Parser } from "@asyncapi/parser";
import { readFileSync } from "node:fs";
const { document, diagnostics } = await new Parser().parse(readFileSync(process.argv[2], "utf8"));
console.log(JSON.stringify({ channels: document ? document.channels().all().map((one) => one.address()) : null,
  wrong: diagnostics.filter((one) => one.severity <= 1).map((one) => `${one.path.join(".")}: ${one.message}`) }));
"""


def spec():
    return yaml.safe_load(SPEC.read_text())


def shape(topic):
    """Whatever stands for one level is one level."""
    return "/".join("+" if part in ("+", "%u") or part.startswith("{") else part for part in topic.split("/"))


def addresses():
    return {shape(channel["address"]) for channel in spec()["channels"].values()}


def acl_topics():
    lines = [line.split() for line in (ROOT / "broker-config/acl").read_text().splitlines()]
    return {shape(line[2]) for line in lines if line and line[0] in ("topic", "pattern")}


def each_topic_of_the_acl_is_described_and_no_other():
    described, allowed = addresses(), acl_topics()
    assert len(allowed) > 5
    answers = {address for address in described if re.fullmatch(r"mm/tools/\+/requests/\+/\w+", address)}
    assert {*(described - answers), "mm/tools/+/requests/+/+"} == allowed, (described, allowed)


def each_topic_of_the_controller_is_described_and_no_other():
    header = (ROOT / "controller/api/tool_topics.h").read_text()
    word = dict(re.findall(r'inline constexpr std::string_view (\w+) = "([^"]+)";', header))
    said = re.findall(r'tool_topics::answer\(asked\.user, asked\.token, "(\w+)"\)', (ROOT / "controller/api/tool_request.cc").read_text())
    assert len(said) == 3, said
    mine = {word["every_request"], *(f"{word['every_request']}/{what}" for what in said)}
    mine |= {f"{word['root']}+/{word[below]}+" for below in ("events", "rollouts")}
    assert shape(word["echo"] + "{token}").replace("controller-tools", "+") in mine
    assert mine == {address for address in addresses() if address.startswith("mm/tools/")}, mine


def camel(name):
    return re.sub(r"_(\w)", lambda match: match.group(1).upper(), name)


def each_field_of_the_messages_is_described_and_no_other():
    schemas = spec()["components"]["schemas"]
    proto = (ROOT / "schemas/rest/tools.proto").read_text()
    messages = re.findall(r"^message (\w+) \{\n(.*?)^\}", proto, re.MULTILINE | re.DOTALL)
    assert len(messages) == 6
    for name, body in messages:
        fields = {camel(field) for field in re.findall(r"^  \S.*? (\w+) = \d+;", body, re.MULTILINE)}
        assert fields == set(schemas[name]["properties"]), (name, fields, set(schemas[name]["properties"]))
        assert set(schemas[name].get("required", [])) <= fields


def the_parser_of_npm_finds_nothing_wrong():
    with tempfile.TemporaryDirectory(prefix="mm-asyncapi-") as name:
        folder = pathlib.Path(name)
        if npm(folder, "@asyncapi/parser@3.4.0") is None:
            raise Skipped("npm, Node 20 or the registry is not there")
        (folder / "read.js").write_text(READ)

        def read(file):
            done = subprocess.run(["node", "read.js", file], cwd=folder, capture_output=True, text=True, env=ENV, timeout=120)
            assert done.returncode == 0, done.stderr[-3000:]
            return json.loads(done.stdout)
        mine = read(SPEC)
        assert mine["wrong"] == [] and {shape(address) for address in mine["channels"]} == addresses(), mine
        (folder / "broken.yaml").write_text(SPEC.read_text().replace('{$ref: "#/channels/events"}', '{$ref: "#/channels/evnets"}'))
        assert read(folder / "broken.yaml")["wrong"], "and would find it"


if __name__ == "__main__":
    main([each_topic_of_the_acl_is_described_and_no_other, each_topic_of_the_controller_is_described_and_no_other,
          each_field_of_the_messages_is_described_and_no_other, the_parser_of_npm_finds_nothing_wrong])
