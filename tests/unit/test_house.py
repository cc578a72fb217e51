"""How the product is laid out: what no linter counts, and what the architecture page says of it."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PRODUCT = Path("operator/mlhops")
MOST_LINES = 50
ONE_IDEA = {"DriftEngine"}
"""Names of one idea in two layers: what an engine does in a pod, and what it does with that in the operator."""
NAMES_ALIBI = {
    "api/alibi.py",
    "api/engine.py",
    "api/policy.py",
    "controller/settings.py",
    "detector/engines.py",
    "monitoring/engines.py",
}
"""The schema, the engines that a policy may name, the option for the image, and the two registries of engines."""


@cache
def modules() -> tuple[tuple[str, str, ast.Module], ...]:
    """The path, the text and the syntax tree of each module of the product."""
    texts = ((path, path.read_text()) for path in sorted(PRODUCT.rglob("*.py")))
    return tuple(
        (path.relative_to(PRODUCT).as_posix(), text, ast.parse(text)) for path, text in texts
    )


def functions(node: ast.AST, inside: str = "") -> Iterator[tuple[str, int]]:
    """Each function with its length in lines."""
    for child in ast.iter_child_nodes(node):
        place = inside
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            place = f"{inside}{child.name}."
            if not isinstance(child, ast.ClassDef):
                assert child.end_lineno is not None
                yield place[:-1], child.end_lineno - child.lineno + 1
        yield from functions(child, place)


def test_no_function_is_longer_than_a_screen() -> None:
    long = {
        (path, name)
        for path, _, tree in modules()
        for name, lines in functions(tree)
        if lines >= MOST_LINES
    }

    assert long == set(), "find the ideas that it holds, and name them"


def test_no_two_classes_have_one_name() -> None:
    places: defaultdict[str, list[str]] = defaultdict(list)
    for path, _, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(path)

    assert {name for name, of in places.items() if len(of) > 1} == ONE_IDEA


def test_the_plug_in_of_an_engine_is_named_by_its_schema_and_the_registries_alone() -> None:
    naming = {path for path, text, _ in modules() if "alibi" in text.lower()}

    assert {path for path in naming if not path.startswith("alibi/")} == NAMES_ALIBI
