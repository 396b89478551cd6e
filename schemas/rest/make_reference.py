#!/usr/bin/env python3
"""Prints openapi.yaml as one page for people: every operation, its parameters, and what is sent and answered, field by field. The page
needs nothing from anywhere else: no script, no font, no other origin."""
import html
import re
import sys

import yaml

METHODS = ("get", "put", "post", "delete")
STYLE = """
:root { color-scheme: light dark; --line: #8886; --soft: #8882; --mark: #0a6c74; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0; display: grid; grid-template-columns: minmax(15rem, 22rem) 1fr; }
nav { position: sticky; top: 0; height: 100vh; overflow: auto; border-right: 1px solid var(--line); padding: 1rem; box-sizing: border-box; }
nav a { display: block; text-decoration: none; color: inherit; font-size: 13px; overflow-wrap: anywhere; }
main { padding: 1rem 2rem 4rem; max-width: 70rem; min-width: 0; }
h1 { margin-top: 0; } h2 { margin: 2.5rem 0 .5rem; border-bottom: 1px solid var(--line); } h3 { margin: 1.6rem 0 .2rem; overflow-wrap: anywhere; }
code, h3 { font-family: ui-monospace, monospace; font-size: 13px; } h3 b { color: var(--mark); }
p { margin: .3rem 0; max-width: 50rem; white-space: pre-line; }
table { border-collapse: collapse; margin: .4rem 0; } td, th { text-align: left; vertical-align: top; padding: .15rem .8rem .15rem 0; border-bottom: 1px solid var(--soft); }
:target { background: var(--soft); }
@media (max-width: 45rem) { body { display: block; } nav { position: static; height: auto; max-height: 40vh; border: 0; } main { padding: 1rem; } }
"""


def text(value):
    """What a description says, with `code` in it."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(" ".join(str(value or "").split()), quote=False))


def paragraphs(value):
    return "".join(f"<p>{text(one)}</p>" for one in re.split(r"\n\s*\n", str(value or "").strip()) if one)


def named(ref):
    name = ref.rsplit("/", 1)[1]
    return f'<a href="#{name}">{name}</a>'


def type_of(schema):
    if "$ref" in schema:
        return named(schema["$ref"])
    if "enum" in schema:
        return " | ".join(f"<code>{html.escape(str(one))}</code>" for one in schema["enum"])
    if schema.get("type") == "array":
        return "list of " + type_of(schema.get("items", {}))
    if isinstance(schema.get("additionalProperties"), dict):
        return "map to " + type_of(schema["additionalProperties"])
    if "oneOf" in schema:
        return " or ".join(type_of(one) for one in schema["oneOf"])
    kind = schema.get("type", "any")
    limits = [f"{word} {schema[key]}" for key, word in (("minimum", "from"), ("maximum", "to"), ("default", "default")) if key in schema]
    return html.escape(" ".join([kind if isinstance(kind, str) else " | ".join(kind), *map(str, limits)]))


def rows(entries):
    cells = "".join(f"<tr><td><code>{html.escape(name)}</code></td><td>{kind}</td><td>{text(said)}</td></tr>" for name, kind, said in entries)
    return f"<table>{cells}</table>" if cells else ""


def body(content):
    return ", ".join(f"{type_of(media.get('schema', {}))} <code>{html.escape(name)}</code>" for name, media in (content or {}).items())


def operation(spec, path, method, what):
    def resolved(one):
        return spec["components"][one["$ref"].split("/")[2]][one["$ref"].rsplit("/", 1)[1]] if "$ref" in one else one

    out = [f'<h3 id="{what["operationId"]}"><b>{method.upper()}</b> {html.escape(path)}</h3><p>{text(what.get("summary"))}</p>',
           paragraphs(what.get("description"))]
    parameters = [resolved(one) for one in what.get("parameters", [])]
    out.append(rows((f'{one["name"]} ({one["in"]})', type_of(one.get("schema", {})), one.get("description")) for one in parameters))
    if "requestBody" in what:
        out.append(f"<p>Takes {body(resolved(what['requestBody']).get('content'))}</p>")
    answers = ((status, body(resolved(one).get("content")), resolved(one).get("description")) for status, one in what["responses"].items())
    return "".join(out) + rows(answers)


def section_of(path):
    parts = path.strip("/").split("/")
    return parts[2] if parts[0] == "api" and len(parts) > 2 else "controller"


def page(spec):
    sections = {}
    for path, operations in spec["paths"].items():
        shared = operations.get("parameters", [])
        for method in METHODS:
            if method in operations:
                what = operations[method] | {"parameters": shared + operations[method].get("parameters", [])}
                sections.setdefault(section_of(path), []).append((path, method, what))
    schemas = spec["components"]["schemas"]
    menu = "".join(f'<a href="#section-{name}"><b>{name}</b></a>' + "".join(
        f'<a href="#{what["operationId"]}">{method.upper()} {html.escape(path.removeprefix("/api/v1"))}</a>' for path, method, what in all_)
        for name, all_ in sections.items())
    main = [f"<h1>{html.escape(spec['info']['title'])} {html.escape(spec['info']['version'])}</h1>",
            '<p>For programs: <a href="openapi.yaml">openapi.yaml</a></p>', paragraphs(spec["info"]["description"])]
    for name, all_ in sections.items():
        main.append(f'<h2 id="section-{name}">{name}</h2>' + "".join(operation(spec, *one) for one in all_))
    main.append("<h2>Types</h2>")
    for name, schema in sorted(schemas.items()):
        main.append(f'<h3 id="{name}">{name}</h3>{paragraphs(schema.get("description"))}')
        fields = schema.get("properties", {})
        main.append(rows((field, type_of(one), one.get("description")) for field, one in fields.items()) if fields else f"<p>{type_of(schema)}</p>")
    return (f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{html.escape(spec['info']['title'])} API</title><style>{STYLE}</style></head>\n"
            f"<body><nav>{menu}</nav><main>\n" + "\n".join(main) + "\n</main></body></html>\n")


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        sys.stdout.write(page(yaml.safe_load(file)))
