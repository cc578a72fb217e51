"""The model server is a real process here: what goes over the wire is what counts."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder

ROWS: list[list[Any]] = [[61.0, 1.0, "F"], [47.0, None, "M"], [80.0, 3.0, None]]
COLUMNS = ["age", "kappa", "sex"]


def numeric_model() -> HistGradientBoostingClassifier:
    random = np.random.default_rng(0)
    table = random.normal(size=(200, 3))
    table[random.random(table.shape) < 0.2] = np.nan
    return HistGradientBoostingClassifier(max_iter=5).fit(table, random.integers(0, 2, 200))


def mixed_model() -> Pipeline:
    """A pipeline that takes columns by name, one of them text."""
    random = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "age": random.normal(60, 9, 200),
            "kappa": random.normal(1, 1, 200),
            "sex": random.choice(["F", "M"], 200),
        }
    )
    encoder = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["sex"]), remainder="passthrough"
    )
    boosting = HistGradientBoostingClassifier(max_iter=5)
    return make_pipeline(encoder, boosting).fit(table, random.integers(0, 2, 200))


class Served:
    """A model file behind the server, on a port of loopback."""

    def __init__(self, model: object, folder: Path, **environment: str) -> None:
        folder.mkdir(parents=True)
        joblib.dump(model, folder / "model.joblib")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "lab.modelserver",
                "--model_name=overridden",
                f"--model_dir={folder}",
                f"--http_port={port}",
                "--model_name=m",
            ],
            env={**os.environ, "LAB_POD_IP": "127.0.0.1", **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._wait()

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        request = urllib.request.Request(
            self.url + path,
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            result: dict[str, Any] = json.load(answer)
            return result

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)

    def _wait(self) -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            assert self.process.poll() is None, "the server ended"
            try:
                urllib.request.urlopen(f"{self.url}/v2/health/ready", timeout=1).close()
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
            else:
                return
        raise AssertionError("the server did not get ready")


@pytest.fixture(scope="module")
def numeric(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = Served(numeric_model(), tmp_path_factory.mktemp("n") / "m", PREDICT_PROBA="true")
    yield served
    served.stop()


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = Served(mixed_model(), tmp_path_factory.mktemp("m") / "m", PREDICT_PROBA="true")
    yield served
    served.stop()


NUMBERS: list[list[float | None]] = [[0.1, 0.2, -0.5], [1.0, None, 3.0]]
AS_FLOATS = np.array(NUMBERS, dtype=np.float64)


def test_v1_rows_with_a_null_reach_the_model_as_nan(numeric: Served) -> None:
    answer = numeric.post("/v1/models/m:predict", {"instances": NUMBERS})
    expected = numeric_model().predict_proba(AS_FLOATS)
    np.testing.assert_allclose(answer["predictions"], expected)


def test_one_v2_tensor_of_rows_gives_one_output_tensor(numeric: Served) -> None:
    data = [value for row in NUMBERS for value in row]
    tensor = {"name": "x", "shape": [2, 3], "datatype": "FP64", "data": data}
    answer = numeric.post("/v2/models/m/infer", {"inputs": [tensor]})
    [output] = answer["outputs"]
    assert output["shape"] == [2, 2]
    expected = numeric_model().predict_proba(AS_FLOATS).ravel()
    np.testing.assert_allclose(output["data"], expected)


def test_named_v2_columns_reach_the_model_as_a_data_frame(mixed: Served) -> None:
    kinds = {"age": "FP64", "kappa": "FP64", "sex": "BYTES"}
    inputs = [
        {
            "name": name,
            "shape": [2],
            "datatype": kinds[name],
            "data": [row[index] for row in ROWS[:2]],
        }
        for index, name in enumerate(COLUMNS)
    ]
    frame = {"parameters": {"content_type": "pd"}, "inputs": inputs}
    answer = mixed.post("/v2/models/m/infer", frame)
    expected = mixed_model().predict_proba(pd.DataFrame(ROWS[:2], columns=COLUMNS))
    np.testing.assert_allclose(answer["outputs"][0]["data"], expected.ravel())


def test_a_v1_object_of_columns_reaches_the_model_as_a_data_frame(mixed: Served) -> None:
    columns = dict(zip(COLUMNS, map(list, zip(*ROWS, strict=True)), strict=True))
    answer = mixed.post("/v1/models/m:predict", {"instances": [columns]})
    expected = mixed_model().predict_proba(pd.DataFrame(ROWS, columns=COLUMNS))
    np.testing.assert_allclose(answer["predictions"], expected)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/models/m:predict", {"instances": [dict(zip(COLUMNS, ROWS[0], strict=True))]}),
        (
            "/v2/models/m/infer",
            {
                "inputs": [
                    {"name": name, "shape": [1], "datatype": "FP64", "data": [1.0]}
                    for name in COLUMNS
                ]
            },
        ),
    ],
)
def test_what_kserve_does_not_read_as_columns_is_refused_here_too(
    mixed: Served, path: str, body: dict[str, Any]
) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        mixed.post(path, body)
    assert caught.value.code == 500
    caught.value.close()


def test_rows_of_the_wrong_width_are_answered_with_an_error(numeric: Served) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        numeric.post("/v1/models/m:predict", {"instances": [[1.0]]})
    assert caught.value.code == 500
    assert "features" in caught.value.read().decode()
    caught.value.close()


def test_without_predict_proba_labels_come_back(tmp_path: Path) -> None:
    served = Served(numeric_model(), tmp_path / "m")
    answer = served.post("/v1/models/m:predict", {"instances": NUMBERS})
    served.stop()
    assert answer["predictions"] == numeric_model().predict(AS_FLOATS).tolist()


def test_a_folder_without_a_model_ends_the_server_with_the_reason(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "lab.modelserver", "--model_name=m", f"--model_dir={tmp_path}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert "must hold exactly one of *.joblib, *.pkl, *.pickle; found: none" in ended.stderr
