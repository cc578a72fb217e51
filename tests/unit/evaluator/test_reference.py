"""The profile that comes with a verdict."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlhops.api.evaluation import EvaluationSpec
from mlhops.api.interface import Feature, Output
from mlhops.api.profile import MOST_BYTES, AskedProfile, Profile
from mlhops.evaluator.data.read import Table
from mlhops.evaluator.profile import reference as module
from mlhops.evaluator.profile.reference import reference
from mlhops.evaluator.tasks.predictions import ClassPredictions, NumericPredictions, Predictions

from .conftest import ROWS, SPEC, Bench, changed, columns

DIGEST = "sha256:" + "c0ffee00" * 8
ASKED = {**SPEC, "profile": True}


def parsed(text: str | None) -> Profile:
    assert text is not None
    return Profile.model_validate_json(text)


def test_it_is_made_of_the_inputs_and_of_what_the_served_model_says(bench: Bench) -> None:
    plain = bench.run()
    assert (plain.profile, bench.profile) == (None, None)

    result = bench.run(ASKED)

    found = parsed(bench.profile)
    assert result.profile is not None
    assert (result.profile.digest, result.profile.error) == (found.digest(), None)
    assert found.created_from == result.data_digest
    assert (found.revision, found.rows) == ("r1", ROWS)
    age, creatinine = found.features
    missing = int(np.isnan(np.asarray(columns()["creatinine"].to_pylist(), float)).sum())
    assert (age.rows, creatinine.rows, creatinine.missing) == (ROWS, ROWS - missing, missing)
    assert found.score is not None
    assert (found.score.name, found.score.rows) == ("probability", ROWS)
    assert -0.01 < min(found.score.edges) < max(found.score.edges) < 1.01
    assert result.model_copy(update={"profile": None}) == plain
    assert bench.said.count(f"profile: {found.digest()}") == 1


def test_the_same_evaluation_makes_the_same_profile(bench: Bench) -> None:
    bench.run(ASKED)
    first = bench.profile
    bench.run(ASKED)
    assert bench.profile == first
    bench.run({**ASKED, "protocolVersion": "v1"})
    other = parsed(bench.profile)
    assert other.asked == AskedProfile(protocol="v1", encoding="Matrix", kinds=["Number"] * 2)
    assert other.counted_digest() == parsed(first).counted_digest()


def test_a_model_that_answers_with_classes_is_profiled_by_its_calls(bench: Bench) -> None:
    spec = {**changed("interface.output", {"type": "Class"}), "profile": True}
    bench.run(spec, model_name="class")
    score = parsed(bench.profile).score
    assert score is not None
    assert (score.type, score.categories, sum(score.counts)) == ("Binary", ["0", "1"], ROWS)


def test_what_keeps_it_from_being_made_is_told_and_changes_no_verdict(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def secret(*_: object, **__: object) -> None:
        raise RuntimeError("row 7: Jane Doe")

    monkeypatch.setattr(module, "profile", secret)
    result = bench.run(ASKED)
    assert result.phase == "Successful"
    assert result.profile is not None
    assert result.profile.digest is None
    assert "RuntimeError" in (result.profile.error or "")
    assert "Jane" not in (result.profile.error or "")
    assert bench.profile is None


def test_a_stop_while_it_is_made_leaves_the_verdict(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise SystemExit

    monkeypatch.setattr(module, "profile", stopped)
    result = bench.run(ASKED)
    assert result.phase == "Successful"
    assert result.profile is not None
    assert "stopped" in (result.profile.error or "")


def test_data_that_answer_no_question_have_no_profile_and_say_why(offline: Bench) -> None:
    result = offline.run(ASKED, {**columns(), "death": np.zeros(ROWS, dtype=np.int64)})
    assert result.phase == "Inconclusive"
    assert result.profile is not None
    assert "not asked for scores" in (result.profile.error or "")


def over(
    bench: Bench, features: list[Feature], data: dict[str, Any]
) -> tuple[Table, EvaluationSpec]:
    """Return the data as a table, and an Evaluation of a model with these features."""
    uri = bench.write(data)
    interface = {**SPEC["interface"], "features": [each.to_json() for each in features]}
    spec = {**SPEC, "data": {**SPEC["data"], "uri": uri}, "interface": interface}
    table = Table(Path(uri.removeprefix("file://")), "parquet")
    return table, EvaluationSpec.model_validate(spec)


def test_two_hundred_features_fit_into_a_configmap(offline: Bench) -> None:
    random = np.random.default_rng(3)
    features = [Feature(name=f"f{n}") for n in range(200)]
    data = {each.name: random.normal(size=5000) * 1e-3 for each in features}
    scores = random.random(5000)
    table, spec = over(offline, features, data)
    found = reference(table, spec, Predictions(scores > 0.5, scores), DIGEST)
    assert found.told.error is None
    assert MOST_BYTES // 4 < len((found.text or "").encode()) <= MOST_BYTES


def test_a_profile_that_no_configmap_holds_is_told_as_such(
    offline: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 1000)
    features = [Feature(name="age"), Feature(name="creatinine")]
    table, spec = over(offline, features, columns())
    scores = np.linspace(0, 1, ROWS)
    found = reference(table, spec, Predictions(scores > 0.5, scores), DIGEST)
    assert (found.text, found.told.digest) == (None, None)
    assert "a ConfigMap holds 1,000: declare fewer features" in (found.told.error or "")


def test_the_profile_of_a_model_of_a_number_has_its_numbers_and_no_column_of_a_class(
    offline: Bench,
) -> None:
    features = [Feature(name="age"), Feature(name="creatinine")]
    table, spec = over(offline, features, columns())
    output = Output(name="days", type="Value", unit="d")
    update = {"task": "Regression", "output": output}
    spec = spec.model_copy(update={"interface": spec.interface.model_copy(update=update)})
    days = np.linspace(0, 300, ROWS)
    found = parsed(reference(table, spec, NumericPredictions(days), DIGEST).text)
    assert found.score is not None
    assert (found.score.type, found.score.name) == ("Numeric", "days")
    assert 100 < np.median(found.score.centres) < 200
    assert found.positive_column is None


def test_the_profile_of_a_model_of_several_classes_has_how_often_it_says_which(
    offline: Bench,
) -> None:
    features = [Feature(name="age"), Feature(name="creatinine")]
    table, spec = over(offline, features, columns())
    output = Output(name="level", classes=["red", "2", "green"])
    update = {"task": "Multiclass", "output": output}
    spec = spec.model_copy(update={"interface": spec.interface.model_copy(update=update)})
    chosen = np.arange(ROWS, dtype=np.intp) % 2
    said = ClassPredictions(chosen, None, ("red", "2", "green"))
    found = parsed(reference(table, spec, said, DIGEST).text)
    assert found.score is not None
    assert found.score.categories == ["red", "2", "green"]
    assert found.score.counts == [ROWS // 2, ROWS // 2, 0, 0]
    assert found.positive_column is None


def test_of_very_many_rows_a_sample_is_profiled_with_their_own_scores(
    offline: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_VALUES", 2000)
    monkeypatch.setattr(module, "_ROWS_AT_ONCE", 300)
    rows = 5000
    value = np.random.default_rng(1).permutation(rows).astype(float)
    ward = [f"w{int(v) % 3}" for v in value]
    features = [Feature(name="value"), Feature(name="ward", type="Categorical")]
    table, spec = over(offline, features, {"value": value, "ward": ward})

    # The score is the value, so the two must fall into the same bins row by row.
    first = reference(table, spec, Predictions(value > 9, value), DIGEST)
    again = reference(table, spec, Predictions(value > 9, value), DIGEST)

    found = parsed(first.text)
    assert first == again
    assert found.rows == 1000
    assert found.score is not None
    assert found.features[0].edges == found.score.edges
    assert found.features[0].counts == found.score.counts
    assert sum(found.features[1].counts) == 1000
    assert found.features[1].counts[-1] == 0
    middle = json.loads(first.text or "")["features"][0]["centres"][32]
    assert middle == pytest.approx(2500, abs=500)
