"""The page's modules, joined into one script."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from api.portal.modules import compact_style, join
from local.emulator import ROOT

PORTAL = ROOT / "functions" / "api" / "portal"


def modules(folder: Path, **sources: str) -> Path:
    for name, source in sources.items():
        (folder / f"{name}.js").write_text(source)
    return folder


def test_each_module_comes_once_and_after_those_that_it_imports(tmp_path: Path) -> None:
    folder = modules(
        tmp_path,
        main="import { b } from './b.js';\nimport { c } from './c.js';\n\nb(c);\n",
        b="import { c } from './c.js';\n\nexport function b() { c(); }\n",
        c="const own = 1;\nexport const c = () => own;\n",
        unused="throw new Error();\n",
    )
    assert join(folder, "main") == "const own = 1;\nconst c = () => own;\nfunction b() { c(); }\nb(c);\n"


def test_imports_over_several_lines_and_every_kind_of_export(tmp_path: Path) -> None:
    folder = modules(
        tmp_path,
        main="import {\n  A,\n  b,\n  c,\n  d,\n} from './all.js';\nA; b; c; d;\n",
        all="export class A {}\nexport async function b() {}\nexport const c = 1;\nexport let d = 2;\n",
    )
    assert join(folder, "main") == "class A {}\nasync function b() {}\nconst c = 1;\nlet d = 2;\nA; b; c; d;\n"


def test_the_space_before_lines_is_left_out_but_not_of_a_text_over_several_lines(tmp_path: Path) -> None:
    source = "function a() {\n  return `${1}`;\n\n}\n"
    text = "const text = `\n  indented\n`;\n"
    folder = modules(tmp_path, main="import { text } from './text.js';\n" + source, text="export " + text)
    assert join(folder, "main") == text + "function a() {return `${1}`;\n}\n"


def test_lines_that_go_on_are_joined_but_not_behind_a_comment(tmp_path: Path) -> None:
    source = "a(\n  [\n    1, // it's (\n    2,\n  ],\n);\nb({\n  c,\n});\n"
    assert join(modules(tmp_path, main=source), "main") == "a([1, // it's (\n2,],);\nb({c,});\n"


def test_comments_on_lines_of_their_own_are_left_out(tmp_path: Path) -> None:
    source = (
        "/** @import { A } from './types' */\n"
        "// What it is for.\n"
        "const url = 'https://example.com'; // it's kept\n"
        "/**\n * @param {string} a\n */\n"
        "  /** @type {A} */\n"
        "const a = /** @type {A} */ (url);\n"
        "/** @type {A} */ (a).b();\n"
        "a.c();\n"
    )
    kept = "const url = 'https://example.com'; // it's kept\nconst a = (url);\n(a).b();\na.c();\n"
    assert join(modules(tmp_path, main=source), "main") == kept


def test_comments_behind_code_are_left_out_but_nothing_of_a_string(tmp_path: Path) -> None:
    texts = "const texts = ['a // b', \"a // b\", `a // b`,\n'https://a', // it's kept\n/a[ // ]/, 'a', /a[ // ]/];\n"
    source = texts + "a(); // what is left out: 1 < 2\nb();\t// this, too\n"
    over_lines = "const text = `a // b\nc`; // kept\n"
    folder = modules(tmp_path, main="import { text } from './text.js';\n" + source, text="export " + over_lines)
    assert join(folder, "main") == over_lines + texts + "a();\nb();\n"


def test_a_style_is_sent_without_the_spaces_that_mean_nothing() -> None:
    style = """
@media (max-width: 600px) {
  .a, .b :hover { color: red; margin: 0 calc(1px + 2px); }
  .c::before { content: ' ; { } : '; }
}
"""
    assert compact_style(style).strip() == (
        "@media (max-width:600px){.a,.b :hover{color:red;margin:0 calc(1px + 2px)}.c::before{content:' ; { } : '}}"
    )


def test_a_circle_is_refused(tmp_path: Path) -> None:
    folder = modules(
        tmp_path,
        main="import { a } from './a.js';\n",
        a="import { b } from './b.js';\n",
        b="import { a } from './a.js';\n",
    )
    with pytest.raises(ValueError, match="main -> a -> b -> a"):
        join(folder, "main")


@pytest.mark.parametrize("declaration", ["const x = 1;", "function x() {}", "async function x() {}", "class x {}"])
def test_a_name_that_two_modules_declare_is_refused(tmp_path: Path, declaration: str) -> None:
    folder = modules(
        tmp_path, main=f"import {{ y }} from './a.js';\n{declaration}\n", a="let x = 1;\nexport const y = x;\n"
    )
    with pytest.raises(ValueError, match=r"x is declared in both a\.js and main\.js"):
        join(folder, "main")


@pytest.mark.parametrize(
    "line",
    [
        "import * as all from './a.js';",
        "import a from './a.js';",
        "import './a.js';",
        "import { a } from 'elsewhere';",
        "export default 1;",
        "export { a };",
        "export { a } from './a.js';",
    ],
)
def test_what_would_not_mean_the_same_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(ValueError, match=re.escape(line)):
        join(modules(tmp_path, main=f"{line}\n", a="export const a = 1;\n"), "main")


def test_the_page_needs_each_of_its_modules() -> None:
    imported = {"main"}
    for module in PORTAL.glob("*.js"):
        imported |= set(re.findall(r"from '\./(\w+)\.js'", module.read_text()))
    assert imported == {module.stem for module in PORTAL.glob("*.js")}


def test_the_page_is_one_script_that_a_browser_reads() -> None:
    """Node parses it as a module: a name declared twice, or an import that was left, is a syntax error."""
    script = join(PORTAL, "main")
    subprocess.run(["node", "--check", "--input-type=module"], input=script, text=True, check=True, timeout=60)
    assert "import" not in re.findall(r"^\w+", script, re.MULTILINE)


@pytest.mark.parametrize(
    ("interface", "schema"),
    [
        ("Webhook", "Webhook"),
        ("Attempt", "Attempt"),
        ("Delivery", "DeliveryDetail"),
        ("EventType", "EventType"),
        ("SentRequest", "SentRequest"),
        ("ReceivedRequest", "ReceivedRequest"),
        ("FoundEvent", "Event"),
        ("Counts", "Bucket"),
        ("Stats", "WebhookStats"),
        ("FieldError", "FieldError"),
        ("WebhookValues", "WebhookPatch"),
        ("CatchUp", "CatchUp"),
    ],
)
def test_what_the_page_reads_is_in_the_specification(interface: str, schema: str) -> None:
    types = (PORTAL / "types.d.ts").read_text()
    found = re.search(rf"interface {interface}(?: extends \w+)? {{\n(.*?)\n}}", types, re.DOTALL)
    assert found
    read = set(re.findall(r"^  (\w+)\??:", found[1], re.MULTILINE))
    specification = json.loads((ROOT / "docs" / "openapi.json").read_text())
    assert read
    assert read <= set(specification["components"]["schemas"][schema]["properties"])
