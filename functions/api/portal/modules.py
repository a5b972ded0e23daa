"""Joins the page's modules into one script, so that the page stays a single answer."""

from __future__ import annotations

import re
from pathlib import Path

_IMPORT = re.compile(r"^import \{[^}]*\} from '\./(\w+)\.js';\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const|let) )", re.MULTILINE)
_DECLARED = re.compile(r"^(?:async )?(?:function|class|const|let) (\w+)", re.MULTILINE)
_COMMENT = re.compile(r"^[ \t]*(?://.*|/\*\*(?:(?!\*/)[\s\S])*\*/)\n", re.MULTILINE)
"""One that has its lines to itself: they are for those who read the source, not for the wire."""

_TRAILING_COMMENT = re.compile(r"[ \t]+// [^'\"`/\n]*$", re.MULTILINE)
"""Behind code. Without what may end a string or a regular expression, so that none is cut."""

_CAST = re.compile(r"/\*\* @type \{[^'\"`\n]*\} \*/ (?=\()")

_STYLE_SPACE = re.compile(r"""("[^"]*"|'[^']*')|(?<=[:;,{}])\s+|\s+(?=\{)|;\s*(?=\})""")
"""Around a style's signs, and a text, which is kept."""

_JOINED_LINE = re.compile(r"^(?!.*//)(.*[{(,[])\n", re.MULTILINE)
"""It goes on: what follows can stand on the same line, if no comment is before it."""

_SPACE = re.compile(r"^\s+", re.MULTILINE)


def join(folder: Path, entry: str) -> str:
    """
    The module `entry` and all that it imports, each after what it imports itself.

    Joined modules share one scope. Raises ValueError for what would then mean something else than it does in a browser:
    a circle of imports, a name that two modules declare, an import or export in another form than `import { a, b } from
    './module.js'` and `export` before a declaration.
    """
    joined: dict[str, str] = {}
    _add(folder, entry, joined, ())
    _check_names(joined)
    return "".join(map(_compact_script, joined.values()))


def compact_style(style: str) -> str:
    """A style without the spaces that mean nothing."""
    return _STYLE_SPACE.sub(lambda found: found[1] or "", style)


def _add(folder: Path, name: str, joined: dict[str, str], importers: tuple[str, ...]) -> None:
    if name in importers:
        raise ValueError(f"a circle of imports: {' -> '.join([*importers, name])}")
    if name in joined:
        return
    source = (folder / f"{name}.js").read_text(encoding="utf-8")
    for imported in _IMPORT.findall(source):
        _add(folder, imported, joined, (*importers, name))
    script = _COMMENT.sub("", _EXPORT.sub("", _IMPORT.sub("", source)))
    if unknown := re.search(r"^(import|export)\b.*", script, re.MULTILINE):
        raise ValueError(f"{name}.js: {unknown[0]!r} cannot be joined")
    if not _has_lines_of_text(script):
        script = _TRAILING_COMMENT.sub("", _CAST.sub("", script))
    joined[name] = script.lstrip("\n")


def _compact_script(text: str) -> str:
    """Without the space that means nothing; unchanged if a template literal goes over several lines."""
    return text if _has_lines_of_text(text) else _JOINED_LINE.sub(r"\1", _SPACE.sub("", text))


def _has_lines_of_text(script: str) -> bool:
    return any(line.count("`") % 2 for line in script.splitlines())


def _check_names(joined: dict[str, str]) -> None:
    owners: dict[str, str] = {}
    for name, script in joined.items():
        for declared in _DECLARED.findall(script):
            if owners.get(declared, name) != name:  # within a module, browsers say so; and texts may look like code
                raise ValueError(f"{declared} is declared in both {owners[declared]}.js and {name}.js")
            owners[declared] = name
