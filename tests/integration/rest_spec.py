"""The operations of schemas/rest/openapi.yaml, for tests that must not leave one out."""
import re

from mesh import ROOT

METHODS = "get|put|post|delete"


class Operation:
    def __init__(self, method, path, text):
        self.method, self.path, self.text = method.upper(), path, text
        self.id = re.search(r"operationId: (\w+)", text)[1]
        self.takes_body = "requestBody: {required: true" in text

    def filled(self, **names):
        """Its path with what is between the braces."""
        return re.sub(r"\{(\w+)\}", lambda m: names[m[1]], self.path)

    @property
    def collection(self):
        """"servers" of /api/v1/servers/{name}/inspect; empty where there is none."""
        found = re.match(r"/api/v1/(\w+)", self.path)
        return found[1] if found else ""

    def __repr__(self):
        return f"{self.method} {self.path}"


def operations():
    text = (ROOT / "schemas/rest/openapi.yaml").read_text()
    text = text[text.index("\npaths:\n"):text.index("\ncomponents:\n")]
    found = []
    for path, block in re.findall(r"^  (/[^\n:]*):\n((?:    .*\n|\n)+)", text, re.MULTILINE):
        parts = re.split(rf"^    ({METHODS}):\n", block, flags=re.MULTILINE)
        found += [Operation(method, path, rest) for method, rest in zip(parts[1::2], parts[2::2])]
    assert len(found) == text.count("operationId:") > 0, "the specification is read wrongly"
    return found
