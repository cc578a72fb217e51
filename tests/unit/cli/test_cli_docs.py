"""The pages that are made of the plug-in are up to date, and what it prints as JSON is as the schema has it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from lab.cache import REPOSITORY
from mlhops.cli.audit.bundle import bundle
from mlhops.cli.audit.check import verdict
from mlhops.cli.audit.timeline import timeline
from mlhops.cli.card.assemble import model_card
from mlhops.cli.card.subject import subject
from mlhops.cli.lint.finding import Document
from mlhops.cli.lint.linter import Sources, Wanted, lint
from mlhops.cli.output import document
from mlhops.cli.views.difference import difference, newest
from mlhops.cli.views.events import events
from mlhops.cli.views.explanation import explanation
from mlhops.cli.views.failure import Failure
from mlhops.cli.views.fleet import fleet
from mlhops.cli.views.gates import evaluation
from mlhops.cli.views.history import history
from mlhops.cli.views.installation import Cluster, findings
from mlhops.cli.views.model import model_view
from mlhops.cli.views.records import records
from mlhops.cli.views.report import report
from mlhops.cli.views.watch_history import watch_history
from testkit.builders import clinical_model
from testkit.standings import NEW, OLD, STANDINGS, a_decision, an_evaluation
from tests.unit.cli.audited import gathered
from tools import cli_docs


def test_the_pages_are_up_to_date() -> None:
    assert cli_docs.main([str(REPOSITORY), "--check"]) == 0


@pytest.fixture(scope="module")
def validator() -> Any:  # noqa: ANN401 - jsonschema has no types
    """The schema of the page, which is a schema itself."""
    schema = json.loads((REPOSITORY / cli_docs.SCHEMA).read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def printed() -> Iterator[tuple[str, object]]:
    """A document of each kind, of a model in each standing."""
    measured = [an_evaluation(), an_evaluation(OLD)]
    for make in STANDINGS.values():
        model = make()
        yield "Model", model_view(model, measured, [a_decision()])
        yield "Explanation", explanation(model)
        yield "History", history(model)
        about = subject(model, "", [], measured)
        assert about is not None
        yield "Card", model_card(about)
        yield "Watch", watch_history(model, measured)
        yield "Records", records(model)
    yield "Fleet", fleet(make() for make in STANDINGS.values())
    yield "Events", events([{"reason": "Promoted"}])
    yield "Evaluation", evaluation(measured[0])
    yield "Report", report(measured[0])
    of = gathered()
    yield "Timeline", timeline(of.model, of.evaluations, of.decisions, of.revisions, of.events)
    yield "BundleVerdict", verdict(bundle(of, None), [])
    of_both = (newest(measured, OLD), newest(measured, NEW))
    yield "Difference", difference(STANDINGS["approval"](), (OLD, NEW), (None, None), of_both)
    yield "Failure", Failure(404, "there is no such page", "the fleet leads to all that there are")
    yield "Check", findings(Cluster(version={}, group=None), "1.0.0")
    sources = Sources(1, [Document("a.yaml", clinical_model({"spec.version": 7}), {})], ())
    yield "Lint", lint(sources, None, Wanted(), datetime(2026, 12, 1, tzinfo=UTC))


def test_all_that_is_printed_is_as_the_schema_has_it(validator: Any) -> None:  # noqa: ANN401
    kinds = set()
    for kind, view in printed():
        validator.validate(document(kind, view))
        kinds.add(kind)

    assert kinds == set(cli_docs.DOCUMENTS)


def test_what_is_not_as_the_schema_has_it_is_refused(validator: Any) -> None:  # noqa: ANN401
    good = document("Model", model_view(STANDINGS["approval"]()))

    assert not validator.is_valid({**good, "phase": 7})
    assert not validator.is_valid({**good, "surprise": 1})
