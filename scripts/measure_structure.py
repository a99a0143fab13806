"""How the code is built, in numbers: rooms and arrows of each package, sizes, untyped records.

A room is a module or subpackage directly in a package. An arrow is one room that imports another, wherever the import
is (inside a function, for type checking only). An arrow runs upwards where it closes a circle: the count is the
fewest arrows whose removal leaves none.

    python scripts/measure_structure.py [--rooms PACKAGE]
"""

from __future__ import annotations

import argparse
import ast
import itertools
import statistics
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("benchmarks", "model_adapters", "reports", "libra_bench")
LONG_FUNCTION = 60
UNTYPED = ("dict[str, Any]", "Mapping[str, Any]")
Arrows = Mapping[str, set[str]]


def sources(package: str, root: Path = ROOT) -> list[Path]:
    """The package's Python files."""
    return sorted((root / package).rglob("*.py"))


def room_of(path: Path, package: str, root: Path = ROOT) -> str:
    """The room that a file lies in."""
    return path.relative_to(root / package).parts[0].removesuffix(".py")


def arrows(package: str, root: Path = ROOT) -> Arrows:
    """Room -> the rooms of the same package that it imports."""
    found: dict[str, set[str]] = {room_of(path, package, root): set() for path in sources(package, root)}
    for path in sources(package, root):
        own = room_of(path, package, root)
        for name in imported_names(path):
            parts = name.split(".")
            if parts[0] != package:
                continue
            room = parts[1] if len(parts) > 1 and parts[1] in found else "__init__"
            if room != own:
                found[own].add(room)
    return found


def imported_names(path: Path) -> Iterator[str]:
    """Every dotted name that a file imports; `from a import b` counts as `a.b`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def upward_arrows(found: Arrows) -> list[tuple[str, str]]:
    """The fewest arrows that must go for the rooms to have no circle."""
    upwards = []
    for circle in circles(found):
        inside = [(room, other) for room in circle for other in found[room] if other in circle]
        if len(circle) > 7:  # too many orders to try: say all of them
            upwards += inside
            continue
        upwards += min(
            (
                [(room, other) for room, other in inside if order.index(room) < order.index(other)]
                for order in itertools.permutations(sorted(circle))
            ),
            key=len,
        )
    return sorted(upwards)


def circles(found: Arrows) -> list[set[str]]:
    """Groups of rooms that reach each other."""
    reached = {room: _reachable(room, found) for room in found}
    groups = []
    for room in found:
        group = {other for other in reached[room] if room in reached[other]} | {room}
        if len(group) > 1 and group not in groups:
            groups.append(group)
    return groups


def _reachable(room: str, found: Arrows) -> set[str]:
    seen: set[str] = set()
    open_rooms = [room]
    while open_rooms:
        for other in found[open_rooms.pop()] - seen:
            seen.add(other)
            open_rooms.append(other)
    return seen


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method of a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def is_untyped(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a signature passes a record around as a bare mapping."""
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    annotations = [argument.annotation for argument in every if argument is not None] + [function.returns]
    said = " ".join(ast.unparse(annotation) for annotation in annotations if annotation is not None)
    return any(kind in said for kind in UNTYPED)


def describe(package: str) -> str:
    """One line of the table."""
    found = arrows(package)
    lines = sorted(len(path.read_text(encoding="utf-8").splitlines()) for path in sources(package))
    every = [function for path in sources(package) for function in functions(path)]
    long = sum((function.end_lineno or 0) - function.lineno + 1 > LONG_FUNCTION for function in every)
    untyped = sum(map(is_untyped, every))
    return (
        f"{package:<16}{len(found):>6}{sum(map(len, found.values())):>8}{len(upward_arrows(found)):>9}"
        f"{len(lines):>7}{sum(lines):>8}{statistics.median(lines):>8.0f}{lines[int(0.9 * (len(lines) - 1))]:>6}"
        f"{len(every):>7}{long:>6}{100 * untyped / len(every):>9.1f}"
    )


def main() -> None:
    """Print the table, or one package's rooms."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rooms", metavar="PACKAGE", choices=PACKAGES, help="list each room with what it imports")
    chosen = parser.parse_args().rooms
    if chosen:
        for room, others in sorted(arrows(chosen).items()):
            print(f"{room}: {', '.join(sorted(others)) or '-'}")
        return
    print(
        f"{'package':<16}{'rooms':>6}{'arrows':>8}{'upwards':>9}{'files':>7}{'lines':>8}{'median':>8}{'p90':>6}"
        f"{'funcs':>7}{f'>{LONG_FUNCTION}':>6}{'untyped%':>9}"
    )
    for package in PACKAGES:
        print(describe(package))


if __name__ == "__main__":
    main()
