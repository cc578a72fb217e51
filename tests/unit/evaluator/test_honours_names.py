"""Whether a model goes by names or by order, asked of real KServe servers with scikit-learn models."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from mlhops.api.evaluation import EvaluationPhase

from .conftest import SPEC, Bench, columns, serving


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a model fitted on an array, one that picks columns by name, and others."""
    folder = tmp_path_factory.mktemp("models")
    data = columns()
    frame = pd.DataFrame({"age": data["age"], "creatinine": np.arange(len(data["age"])) % 7 + 0.5})
    label = data["death"]
    both = ["age", "creatinine"]
    named = make_pipeline(make_column_transformer(("passthrough", both)), LogisticRegression())
    fitted = {
        "array": LogisticRegression().fit(frame.to_numpy(), label),
        "named": named.fit(frame, label),
        "strict": LogisticRegression().fit(frame, label),
        "constant": DummyClassifier(strategy="prior").fit(frame.to_numpy(), label),
    }
    for name, model in fitted.items():
        (folder / name).mkdir()
        joblib.dump(model, folder / name / "model.joblib")
    with serving("tables_server.py", {"MODELS": str(folder)}) as url:
        yield url


@pytest.fixture
def served(tmp_path: Path, models: str, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(tmp_path, models, monkeypatch)


def asked(bench: Bench, model: str, encoding: str = "Columns", protocol: str = "v2") -> Any:  # noqa: ANN401
    spec = copy.deepcopy(SPEC)
    spec["interface"]["features"] = [{"name": "age"}, {"name": "creatinine"}]
    spec["interface"]["request"] = {"encoding": encoding}
    spec["protocolVersion"] = protocol
    data = columns()
    data["creatinine"] = np.arange(len(data["age"])) % 7 + 0.5
    return bench.run(spec, data, model_name=model)


@pytest.mark.thorough
@pytest.mark.parametrize("protocol", ["v1", "v2"])
@pytest.mark.parametrize(
    ("model", "found"),
    [("array", "False"), ("named", "True"), ("strict", "Refused"), ("constant", "Unknown")],
)
def test_a_model_is_asked_whether_it_goes_by_names(
    served: Bench, model: str, found: str, protocol: str
) -> None:
    result = asked(served, model, protocol=protocol)
    assert result.honours_names == found
    assert result.gates
    assert f"goes by the names of its inputs: {found}" in served.said


def test_without_names_nothing_is_known(served: Bench) -> None:
    assert asked(served, "array", "Matrix").honours_names == "Unknown"


def test_the_verdict_is_the_same_whether_the_server_refuses_or_not(served: Bench) -> None:
    strict, named = (asked(served, model) for model in ("strict", "named"))
    assert strict.phase == named.phase
    assert EvaluationPhase(strict.phase) is not EvaluationPhase.ERROR
