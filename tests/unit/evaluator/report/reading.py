"""Evaluations to report on, and a reader of the page that comes out."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import unescape
from html.parser import HTMLParser
from typing import Any

import numpy as np

from mlhops.api.evaluation import EvaluationSpec
from mlhops.evaluator.data.labelled_rows import LabelledRows
from mlhops.evaluator.data.subgroups import Levels
from mlhops.evaluator.report.collect import Evaluated, collect
from mlhops.evaluator.report.figures import Forest
from mlhops.evaluator.report.markup import TEMPLATES
from mlhops.evaluator.report.page import page
from mlhops.evaluator.run import summary
from mlhops.evaluator.scoring.measured import Measured, Missing
from mlhops.evaluator.tasks.predictions import Predictions
from mlhops.evaluator.verdict.judge import judgement, phase_of_run

from ..made_up import spec_with

AT = datetime(2026, 3, 1, 8, 5, tzinfo=UTC)
DIGEST = "sha256:" + "ab" * 32
VOID = frozenset({"meta", "link", "wbr", "br"})


def people(rows: int = 4000, seed: int = 3) -> LabelledRows:
    """Return people of two sexes, some of unknown sex, in three bands of age."""
    random = np.random.default_rng(seed)
    sex = random.choice(3, rows, p=[0.5, 0.47, 0.03])
    band = random.integers(0, 3, rows)
    label = random.random(rows) < 0.3
    levels = {
        "sex": Levels(sex.astype(np.intp), ["F", "M", "Unknown"]),
        "ageBand": Levels(band.astype(np.intp), ["<40", "40-65", ">=65"]),
    }
    return LabelledRows(label, frozenset({"0", "1"}), levels)


def predictions(who: LabelledRows, seed: int = 4) -> Predictions:
    """Return scores that tell the classes apart."""
    random = np.random.default_rng(seed)
    score = 1 / (1 + np.exp(-random.normal(np.where(who.label, 1.0, -1.0), 1.0)))
    return Predictions(score >= 0.5, score)


def seconds(requests: int = 500) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return how long answers took."""
    return np.random.default_rng(5).lognormal(-3, 0.3, requests)


EVERY_KIND: Sequence[dict[str, Any]] = (
    {
        "name": "missed",
        "type": "Fairness",
        "metric": "FalseNegativeRate",
        "across": {"groups": ["sex"], "intersections": [["sex", "ageBand"]]},
        "limit": 0.15,
        "primary": True,
    },
    {
        "name": "chosen",
        "type": "Fairness",
        "metric": "SelectionRate",
        "comparison": "Ratio",
        "against": "Reference",
        "reference": [{"group": "sex", "value": "F"}],
        "across": {"groups": ["sex"]},
        "limit": 0.8,
    },
    {
        "name": "odds",
        "type": "Fairness",
        "metric": "EqualizedOdds",
        "across": {"groups": ["ageBand"]},
        "against": "Best",
        "limit": 0.2,
        "required": False,
    },
    {"name": "good", "type": "Performance", "metric": "AUROC", "limit": 0.7},
    {
        "name": "no-worse",
        "type": "Performance",
        "metric": "Sensitivity",
        "limit": 0.5,
        "nonInferiority": {"margin": 0.05},
        "across": {"groups": ["sex"]},
    },
    {"name": "quick", "type": "Latency", "metric": "P99", "limit": 0.3},
)
STABLE = {"revision": "r0", "version": "0.9.0"}


def spec_of(*gates: dict[str, Any], **fields: Any) -> EvaluationSpec:  # noqa: ANN401
    """Return a spec."""
    return spec_with(*(gates or EVERY_KIND), stable=STABLE, **fields)


def evaluated(
    spec: EvaluationSpec | None = None,
    who: LabelledRows | None = None,
    answers: Predictions | None = None,
    stable: Predictions | Missing | None = None,
) -> Evaluated:
    """Return what the evaluator finds."""
    spec, who = spec or spec_of(), who or people()
    answers = answers or predictions(who)
    measured = Measured(answers, stable or predictions(who, seed=9), seconds())
    judged = judgement(spec, who, measured)
    phase, told = phase_of_run(judged.gates), summary(judged.gates)
    return Evaluated(spec, phase, told, DIGEST, AT, "0.1.0", judged.gates, judged, who, measured)


def rendered(run: Evaluated | None = None) -> str:
    """Return a page as text."""
    return page(collect(run or evaluated())).decode()


def drawn(figure: Forest) -> str:
    """Return the table of a figure."""
    tables = TEMPLATES.from_string(
        '{% import "tables.html" as t %}{{ t.forest(figure, "b", 0.95) }}'
    )
    return tables.render(figure=figure)


@dataclass
class Page(HTMLParser):
    """The elements of a page; it has an error if they are not properly nested."""

    source: str
    tags: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.feed(self.source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        """All that people read."""
        return " ".join(self.words)

    def attributes(self, name: str) -> list[str]:
        """The values of an attribute, wherever it is."""
        return [attributes[name] for _, attributes in self.tags if name in attributes]

    def named(self, tag: str) -> list[dict[str, str]]:
        """The attributes of all elements of a kind."""
        return [attributes for each, attributes in self.tags if each == tag]


def svgs(source: str) -> list[ET.Element]:
    """Return all outermost pictures, read as XML."""
    found, depth, start = [], 0, 0
    for match in re.finditer(r"<svg\b|</svg>", source):
        if match[0] == "</svg>":
            depth -= 1
            if depth == 0:
                found.append(ET.fromstring(source[start : match.end()]))
        else:
            start = match.start() if depth == 0 else start
            depth += 1
    return found


def rows_of(source: str) -> list[tuple[str, dict[str, str]]]:
    """Return the rows of all tables: the name and the cells by their class."""
    found = []
    for name, rest in re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', source, re.S):
        cells = re.findall(r'<td class="(\w+)[^"]*">(.*?)</td>', rest, re.S)
        found.append((plain(name), {style: plain(text) for style, text in cells}))
    return found


def plain(source: str) -> str:
    """Return HTML without its tags."""
    return unescape(re.sub(r"<[^>]+>", "", source)).strip()
