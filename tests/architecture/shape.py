"""Count how often the code says the same thing again: python -m tests.architecture.shape [--list] [--root FOLDER].

By syntax alone; nothing is imported, so that any commit's tree can be counted. It stands beside the tests of the
architecture, as one of them holds its figures (`test_shape.py`).

- shapes of an order: a class, TypedDict, table or row dict whose fields have `side`, a price and a quantity
- shapes of a calendar: the same with the gate's lead, a price limit and a quantity limit; a dict only with a tick, too,
  as one without it is an excerpt
- untyped copies: fields carried over by name, where no type checker sees a field that one side lacks; `getattr` counts
  in a comprehension, where it makes a copy, and not in a loop, where it checks
- names defined twice: class names at module level that stand in more than one module
- ways to bind a handler to its event
- `Any` in the trading API
"""

import argparse
import ast
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

PACKAGES = ("cli", "optimizers", "services", "shared", "simulation")
# What the figures may come to.
AT_MOST = {
    "shapes of an order": 7,
    "shapes of a calendar": 3,
    "untyped copies": 0,
    "class names defined more than once": 10,
    "ways to bind a handler": 1,
    "Any in trading_api": 10,
}
ORDER = (r"side", r"price\w*", r"quantity\w*")
CALENDAR = (r"(gate_closure_)?lead\w*", r"price\w*_max", r"(order_)?quantity\w*_max")
TICK = r"tick\w*"
SETTINGS = "Settings"


@dataclass(frozen=True)
class Module:
    """One file and its syntax."""

    path: str
    tree: ast.Module


@dataclass(frozen=True)
class Place:
    """Where something was found, and what."""

    path: str
    line: int
    what: str


def modules_of(root: Path) -> list[Module]:
    """Read the packages' files."""
    files = sorted(path for package in PACKAGES for path in (root / package).rglob("*.py"))
    return [Module(str(path.relative_to(root)), ast.parse(path.read_text())) for path in files]


def fields_of(node: ast.AST) -> set[str]:
    """Return the names that a class, a call or a dict gives its parts."""
    if isinstance(node, ast.ClassDef):
        return {
            part.target.id
            for part in node.body
            if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name)
        }
    if isinstance(node, ast.Dict):
        return {key.value for key in node.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)}
    if isinstance(node, ast.Call):
        return set(words_in(node))
    return set()


def words_in(call: ast.Call) -> Iterator[str]:
    """Return the words of all texts in a call, as a table's columns are named in them."""
    for node in ast.walk(call):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from (word.rstrip("?@") for word in node.value.split())


def has(fields: set[str], patterns: tuple[str, ...]) -> bool:
    """Say whether each pattern is the whole name of some field."""
    return all(any(re.fullmatch(pattern, field) for field in fields) for pattern in patterns)


def shapes(modules: list[Module], patterns: tuple[str, ...], *, of_dicts: tuple[str, ...] = ()) -> list[Place]:
    """Find the declarations that have a field for each pattern, and dicts that have one for `of_dicts` besides."""
    found = []
    for module in modules:
        for node in ast.walk(module.tree):
            wanted = (*patterns, *of_dicts) if isinstance(node, ast.Dict) else patterns
            if isinstance(node, ast.ClassDef | ast.Dict) and has(fields_of(node), wanted):
                found.append(Place(module.path, node.lineno, getattr(node, "name", "a dict")))
        for statement in module.tree.body:
            value = statement.value if isinstance(statement, ast.Assign | ast.AnnAssign) else None
            if isinstance(value, ast.Call) and is_table(value) and has(fields_of(value), patterns):
                found.append(Place(module.path, statement.lineno, "a table"))
    return found


def is_table(call: ast.Call) -> bool:
    """Say whether a call makes a table."""
    return isinstance(call.func, ast.Attribute) and call.func.attr == "Table"


def untyped_copies(modules: list[Module]) -> list[Place]:
    """Find fields that are carried over by name."""
    found = []
    for module in modules:
        comprehended = {
            id(call)
            for node in ast.walk(module.tree)
            if isinstance(node, ast.GeneratorExp | ast.ListComp | ast.DictComp | ast.SetComp)
            for call in ast.walk(node)
            if isinstance(call, ast.Call)
        }
        for node in ast.walk(module.tree):
            what = copy_in(node, in_loop=id(node) in comprehended)
            if what:
                found.append(Place(module.path, node.lineno, what))  # type: ignore[attr-defined]  # these nodes have a line
    return found


def copy_in(node: ast.AST, *, in_loop: bool) -> str:
    """Return how a node carries fields over by name; empty where it does not."""
    if isinstance(node, ast.Attribute) and node.attr == "__dataclass_fields__":
        return "__dataclass_fields__"
    if not isinstance(node, ast.Call):
        return ""
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name in {"asdict", "as_row", "_asdict"}:
        return name
    if name == "getattr" and in_loop and len(node.args) > 1 and isinstance(node.args[1], ast.Name):
        return "getattr over names"
    if name == "model_validate" and any(makes_dict(one) for one in node.args):
        return "model_validate of a dict made of others"
    if any(one.arg is None and isinstance(one.value, ast.DictComp) for one in node.keywords):
        return "**{name: ...}"
    return ""


def makes_dict(node: ast.AST) -> bool:
    """Say whether an expression makes a dict of another mapping's items."""
    return (isinstance(node, ast.Dict) and None in node.keys) or (
        isinstance(node, ast.Call) and getattr(node.func, "id", "") == "dict"
    )


def class_names_defined_again(modules: list[Module]) -> list[Place]:
    """Find class names that stand in more than one module."""
    places: defaultdict[str, list[Place]] = defaultdict(list)
    for module in modules:
        for node in module.tree.body:
            if isinstance(node, ast.ClassDef) and node.name != SETTINGS:
                places[node.name].append(Place(module.path, node.lineno, node.name))
    again = {name: where for name, where in sorted(places.items()) if len(where) > 1}
    return [
        Place(first.path, first.line, ", ".join([name, *(f"{one.path}:{one.line}" for one in others)]))
        for name, (first, *others) in again.items()
    ]


def handler_bindings(modules: list[Module]) -> list[Place]:
    """Find in how many ways services tell the run loop which function takes which event."""
    ways: dict[str, Place] = {}
    for module in modules:
        if not module.path.startswith("services/"):
            continue
        for node in ast.walk(module.tree):
            for way in ways_in(node):
                ways.setdefault(way, Place(module.path, node.lineno, way))  # type: ignore[attr-defined]  # these nodes have a line
    return list(ways.values())


def ways_in(node: ast.AST) -> Iterator[str]:
    """Return the ways of binding that begin at a node."""
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if any(isinstance(one, ast.Name) and one.id == "HANDLERS" for one in targets):
            yield "a constant HANDLERS"
    if isinstance(node, ast.FunctionDef) and node.name == "handlers":
        is_method = bool(node.args.args) and node.args.args[0].arg == "self"
        yield "a method handlers()" if is_method else "a function handlers()"
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Service":
        for keyword in node.keywords:
            if keyword.arg == "handlers" and isinstance(keyword.value, ast.Dict):
                values = keyword.value.values
                yield "partials in a dict" if any(isinstance(one, ast.Call) for one in values) else "a dict of closures"
            elif (
                keyword.arg == "handlers"
                and isinstance(keyword.value, ast.Call)
                and getattr(keyword.value.func, "id", "") == "handlers_of"
            ):
                yield "methods by annotation"


def anys(modules: list[Module]) -> list[Place]:
    """Find `Any` in the trading API, its imports included."""
    return [
        Place(module.path, node.lineno, "Any")
        for module in modules
        if module.path.startswith("services/trading_api/")
        for node in ast.walk(module.tree)
        if (isinstance(node, ast.Name) and node.id == "Any") or (isinstance(node, ast.alias) and node.name == "Any")
    ]


COUNTS: Mapping[str, Callable[[list[Module]], list[Place]]] = {
    "shapes of an order": lambda modules: shapes(modules, ORDER),
    "shapes of a calendar": lambda modules: shapes(modules, CALENDAR, of_dicts=(TICK,)),
    "untyped copies": untyped_copies,
    "class names defined more than once": class_names_defined_again,
    "ways to bind a handler": handler_bindings,
    "Any in trading_api": anys,
}


def counted(root: Path) -> dict[str, list[Place]]:
    """Return what was found of each kind in a tree."""
    modules = modules_of(root)
    return {name: count(modules) for name, count in COUNTS.items()}


def main() -> None:
    """Print the figures."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--root", type=Path, default=Path(__file__).parents[2], help="the tree to count")
    arguments.add_argument("--list", action="store_true", help="say where each is")
    wanted = arguments.parse_args()
    for name, places in counted(wanted.root).items():
        sys.stdout.write(f"{name:36} {len(places):4}   target at most {AT_MOST[name]}\n")
        if wanted.list:
            for (path, line, what), times in Counter((one.path, one.line, one.what) for one in places).items():
                sys.stdout.write(f"    {path}:{line} {what}{f' x{times}' if times > 1 else ''}\n")


if __name__ == "__main__":
    main()
