"""ES modules that import one another, joined into one text without imports.

Each module becomes a function of its own, called once, after those that it imports, that returns what it exports; so
names do not meet, and all runs in the order in which a browser would run the modules themselves. A small part of the
syntax is enough, and all else is refused, for a text that was joined wrongly fails far from its cause:

    import { a, b as c } from "./path.js";
    export const a = …;   export const { a, b } = …;   export [async] function a() …   export class A …
"""

import posixpath
import re
from dataclasses import dataclass
from pathlib import Path

_IMPORT = re.compile(r'^import\s*\{([^{}]*)\}\s*from\s*"([^"\n]*)";', re.MULTILINE)
_EXPORT = re.compile(
    r"^export (?=(?:const|(?:async )?function\*?|class)\s+(\w+|\{[\w\s,]*\}))", re.MULTILINE
)  # `let` is none: the joined text would hand on the value that it has at first
_COMMENT = re.compile(r"(?:^|(?<=[\s(]))(?://[^\n]*|/\*.*?\*/)", re.MULTILINE | re.DOTALL)
_OTHER = re.compile(r"(?:^|[;{}])[^\S\n]*((?:import|export)\b(?!\s*:)[^\n]*)|\b(import\s*[(.][^\n]*)", re.MULTILINE)


class JoinError(ValueError):
    """Modules that cannot be joined; the message says which, and why."""


@dataclass(frozen=True)
class Module:
    """name: its path below the folder. imports: path -> names there. body: the source, its imports and exports put into
    terms of `modules`, what every module exports by path."""

    name: str
    imports: dict[str, list[str]]
    exports: list[str]
    body: str

    @classmethod
    def read(cls, folder: Path, name: str) -> "Module":
        """Raises JoinError for imports and exports in another form than those above."""
        imports: dict[str, list[str]] = {}

        def imported(found: re.Match[str]) -> str:
            names, target = _names(found[1]), found[2]
            path = posixpath.normpath(posixpath.join(posixpath.dirname(name), target))
            if not target.startswith(("./", "../")) or path.startswith("../"):
                raise JoinError(f"{name} imports “{target}”; a module can import those of its own folder, by “./…”.")
            imports.setdefault(path, []).extend(each.split(" as ")[0] for each in names)
            renamed = ", ".join(each.replace(" as ", ": ") for each in names)
            return f'const {{ {renamed} }} = modules["{path}"];'

        source = folder.joinpath(name).read_text(encoding="utf-8")
        exports = [each for found in _EXPORT.findall(source) for each in _names(found.strip("{}"))]
        body = _EXPORT.sub("", _IMPORT.sub(imported, source))
        if other := _OTHER.search(_COMMENT.sub("", body)):
            raise JoinError(
                f"{name}: “{(other[1] or other[2]).strip()[:60]}” is no import or export that can be joined."
            )
        return cls(name, imports, exports, body)

    def wrapped(self) -> str:
        """The module as a statement."""
        return f'modules["{self.name}"] = (() => {{\n{self.body}\nreturn {{ {", ".join(self.exports)} }};\n}})();'


def read(folder: Path, entry: str) -> list[Module]:
    """The entry, last, and all that it imports, each after those that it imports itself. Raises JoinError for modules
    that import one another in a circle, what is not there, or what is not exported."""
    done: dict[str, Module] = {}

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            raise JoinError(f"Modules import one another in a circle: {' → '.join((*path[path.index(name) :], name))}.")
        if name in done:
            return
        if not folder.joinpath(name).is_file():
            raise JoinError(f"{path[-1] if path else folder.name} imports {name}, which is not there.")
        module = Module.read(folder, name)
        for each, names in module.imports.items():
            visit(each, (*path, name))
            if missing := [name for name in names if name not in done[each].exports]:
                raise JoinError(f"{name} imports {', '.join(missing)} of {each}, which exports no such thing.")
        done[name] = module

    visit(entry, ())
    return list(done.values())


def join(folder: Path, entry: str) -> str:
    """Statements that fill an object called `modules` with what the entry and all that it imports export, by path."""
    return "\n".join(module.wrapped() for module in read(folder, entry))


def _names(listed: str) -> list[str]:
    return [" ".join(each.split()) for each in listed.split(",") if each.strip()]
