"""Rules in CEL, evaluated by cel-expr-python (Google's implementation of CEL) where that is installed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol, cast

from mlhops.cli.lint import codes, functions
from mlhops.cli.lint.finding import Fault, Path

if TYPE_CHECKING:
    from mlhops.api.base import Json, Manifest


GAVE_UP = "Iteration budget exceeded"
"""What the engine says of a rule that takes more than its 10,000 steps; the API server's own limit is higher."""


class Rules(Protocol):
    """Whoever evaluates rules."""

    def broken(self, rule: str, values: dict[str, Json]) -> str | None:
        """Return why a rule does not hold: empty where it just does not, None where it does."""


class CelRules:
    """Rules that are compiled once, when they are first needed."""

    def __init__(self) -> None:
        """Set up the engine.

        Raises:
            ImportError: there is none.
        """
        from cel_expr_python import cel
        from cel_expr_python.ext import ext_strings

        self._environment = cel.NewEnv(
            variables={"self": cel.Type.DYN, "oldSelf": cel.Type.DYN},
            extensions=[ext_strings.ExtStrings()],
            functions=list(_declared(cel)),
        )
        self._compiled: dict[str, Any] = {}

    def compiled(self, rule: str) -> Any:  # noqa: ANN401 - the engine's own type, without stubs
        """Return a rule, ready to be evaluated.

        Raises:
            RuntimeError: it is no CEL, or uses what is not declared.
        """
        if rule not in self._compiled:
            self._compiled[rule] = self._environment.compile(rule)
        return self._compiled[rule]

    def broken(self, rule: str, values: dict[str, Json]) -> str | None:
        """Return why a rule does not hold: empty where it just does not, None where it does."""
        try:
            answer = self.compiled(rule).eval(data=values)
            value = answer.value()
        except (RuntimeError, ValueError, TypeError, OverflowError) as error:
            return " ".join(str(error).split()) or type(error).__name__
        if isinstance(value, bool):
            return None if value else ""
        return " ".join(str(value).split())


def engine() -> Rules | None:
    """Return what evaluates rules, None where it is not installed."""
    try:
        return CelRules()
    except ImportError:
        return None


def _declared(cel: Any) -> Iterator[Any]:  # noqa: ANN401 - the engine's own types, without stubs
    """Return Kubernetes' functions. A quantity is its text, a format its name, and a fault a list of sentences."""
    types = cel.Type
    text, number, truth, each = types.STRING, types.INT, types.BOOL, types.List(types.DYN)
    told = types.List(types.STRING)

    def function(name: str, result: Any, takes: list[Any], does: Any, member: bool = True) -> Any:  # noqa: ANN401, FBT
        overload = cel.Overload(f"k8s_{name}", result, takes, member, does)
        return cel.FunctionDecl(name, [overload])

    yield function("isSorted", truth, [each], functions.is_sorted)
    yield function("isQuantity", truth, [text], functions.is_quantity, member=False)
    yield function("quantity", text, [text], lambda given: given, member=False)
    yield function("compareTo", number, [text, text], functions.compare)
    yield function("isInteger", truth, [text], functions.is_whole)
    yield function("validate", told, [text, text], functions.validate)
    yield function("hasValue", truth, [told], bool)
    for name in functions.FORMATS:
        yield function(f"format.{name}", text, [], lambda name=name: name, member=False)


def faults(schema: Manifest, value: Json, path: Path, rules: Rules) -> Iterator[Fault]:
    """Return the rules of one schema that do not hold for its value, those about an earlier value aside."""
    for each in cast("list[dict[str, str]]", schema.get("x-kubernetes-validations") or []):
        if "oldSelf" in each["rule"]:
            continue
        why = rules.broken(each["rule"], {"self": value})
        if why:
            yield Fault(_code(why), path, f"{why}, evaluating rule: {each['message']}")
        elif why is not None:
            below = each.get("fieldPath", "").split(".")[1:]
            yield Fault(codes.RULE, (*path, *below), each["message"])


def _code(why: str) -> codes.LintCode:
    return codes.RULES_UNCHECKED if GAVE_UP in why else codes.RULE_FAILED


def changed(
    schema: Manifest, value: Json, earlier: Json, path: Path, rules: Rules
) -> Iterator[Fault]:
    """Return the rules about an earlier value that do not hold."""
    for each in cast("list[dict[str, str]]", schema.get("x-kubernetes-validations") or []):
        if "oldSelf" in each["rule"]:
            why = rules.broken(each["rule"], {"self": value, "oldSelf": earlier})
            if why is not None:
                yield Fault(codes.IMMUTABLE, path, each["message"])
