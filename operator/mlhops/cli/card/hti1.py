"""A card as the 31 source attributes of 45 CFR 170.315(b)(11)(iv)(B), which ONC's HTI-1 rule asks of developers.

It is a table to fill in others' forms from, and claims no certification.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mlhops.cli.card import wording
from mlhops.cli.card.entries import NOT_STATED, CardEntry, GateFinding, ModelCard, Source
from mlhops.cli.card.markdown import escaped


@dataclass(frozen=True)
class SourceAttribute:
    """One of the 31: its number as developers publish it, its name, and the entries of the card that answer it."""

    number: int
    name: str
    keys: tuple[str, ...] = ()
    gates: str = ""
    """The type of the gates that answer it; Performance takes Latency along."""
    origin: str = ""
    """The origin of held-out data on which these gates must have been measured."""


_GROUPS: dict[str, tuple[SourceAttribute, ...]] = {
    "Details and output": (
        SourceAttribute(1, "Name and contact of the developer", ("developer", "contact", "owner")),
        SourceAttribute(2, "Funding source", ("funding",)),
        SourceAttribute(3, "Value that is output", ("label", "output")),
        SourceAttribute(4, "Kind of output", ("output",)),
    ),
    "Purpose": (
        SourceAttribute(5, "Intended use", ("intendedUse",)),
        SourceAttribute(6, "Intended patient population", ("population",)),
        SourceAttribute(7, "Intended users", ("users",)),
        SourceAttribute(8, "Role in decisions", ("decisionRole",)),
    ),
    "Out of scope": (
        SourceAttribute(9, "Cautioned tasks, situations and populations", ("outOfScope",)),
        SourceAttribute(10, "Known risks and limitations", ("limitations",)),
    ),
    "Development": (
        SourceAttribute(11, "Inclusion and exclusion of training data", ("trainingData",)),
        SourceAttribute(12, "Sensitive variables as inputs", ("sensitiveInputs",)),
        SourceAttribute(13, "Representativeness of training data", ("trainingData",)),
        SourceAttribute(14, "Relevance of training data to the setting", ("trainingData",)),
    ),
    "Fairness in development": (
        SourceAttribute(15, "Approach to fairness", ("fairnessApproach", "gates")),
        SourceAttribute(16, "Approach to bias", ("biasMitigation", "ethics")),
    ),
    "External validation": (
        SourceAttribute(
            17, "Source and setting of external data", ("testSetting", "testPeriod"), "", "External"
        ),
        SourceAttribute(18, "Party that tested externally", ("testPreparedBy",), "", "External"),
        SourceAttribute(19, "Representativeness of external data", ("testData",), "", "External"),
        SourceAttribute(20, "Process of external validation", ("validation",), "", "External"),
    ),
    "Performance": (
        SourceAttribute(21, "Validity in data of the same source", (), "Performance", "SameSource"),
        SourceAttribute(22, "Fairness in data of the same source", (), "Fairness", "SameSource"),
        SourceAttribute(23, "Validity in external data", (), "Performance", "External"),
        SourceAttribute(24, "Fairness in external data", (), "Fairness", "External"),
        SourceAttribute(25, "Evaluations of outcomes, and citations", ("citations", "references")),
    ),
    "Maintenance": (
        SourceAttribute(26, "How and how often validity is monitored", ("maintenance",)),
        SourceAttribute(27, "Validity in local data", (), "Performance", "Local"),
        SourceAttribute(28, "How and how often fairness is monitored", ("fairnessMonitoring",)),
        SourceAttribute(29, "Fairness in local data", (), "Fairness", "Local"),
    ),
    "Updates": (
        SourceAttribute(30, "How and how often it is updated", ("updateSchedule",)),
        SourceAttribute(
            31, "How often it is corrected where a risk was found", ("updateSchedule",)
        ),
    ),
}
ATTRIBUTES = tuple(each for rows in _GROUPS.values() for each in rows)


@dataclass(frozen=True)
class AttributeAnswer:
    """What a card answers to an attribute."""

    values: tuple[str, ...]
    whence: tuple[str, ...]

    @property
    def stated(self) -> bool:
        """Whether it is answered at all."""
        return bool(self.values)


def answer(card: ModelCard, to: SourceAttribute) -> AttributeAnswer:
    """Return what a card answers; measured values only where the origin of the data is stated to be the right one."""
    origin = card.entry("testOrigin")
    if to.origin and to.origin not in origin.values:
        return AttributeAnswer((), (f"spec.card.testData.origin is {origin.text}",))
    entries = [card.entry(key) for key in to.keys]
    told = [each for each in entries if each.stated]
    values = [f"{each.title}: {value}" for each in told for value in each.values]
    if len(entries) == 1:
        values = [value for each in told for value in each.values]
    whence = [wording.whence(each) for each in told]
    if to.gates:
        found = card.of_type(*((to.gates, "Latency") if to.gates == "Performance" else (to.gates,)))
        values += [_told(each) for each in found if each.estimate is not None]
        named = card.evidence.name if card.evidence is not None else "none"
        whence = [f"{Source.MEASURED}: Evaluation {named}"] if found else []
    return AttributeAnswer(tuple(values), tuple(whence) or _gap(entries))


def _gap(entries: Sequence[CardEntry]) -> tuple[str, ...]:
    return tuple(each.origin for each in entries)


def _told(of: GateFinding) -> str:
    where = f" of {of.group}" if of.group else ""
    value = f"{wording.number(of.estimate, of.unit)} ({wording.interval(of.lower, of.upper)})"
    return f"{of.name}: {of.what}{where} {value}, limit {wording.number(of.limit, of.unit)}: {wording.verdict(of)}"


def hti1(card: ModelCard) -> str:
    """Return the attributes as a Markdown table, those that are not stated too."""
    return "\n".join(_lines(card)) + "\n"


def _lines(card: ModelCard) -> Iterator[str]:
    yield f"# Source attributes of {escaped(card.name)} {escaped(card.version)}\n"
    yield "By the numbers under which developers publish 45 CFR 170.315(b)(11)(iv)(B). No claim of certification.\n"
    for note in card.notes:
        yield f"> {escaped(note)}\n"
    yield "| # | Attribute | Value | From |"
    yield "| --- | --- | --- | --- |"
    for title, rows in _GROUPS.items():
        yield f"| | **{title}** | | |"
        for each in rows:
            found = answer(card, each)
            value = "; ".join(map(escaped, found.values)) or NOT_STATED
            yield f"| {each.number} | {each.name} | {value} | {'; '.join(map(escaped, found.whence))} |"
