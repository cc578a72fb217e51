"""A real KServe ModelServer with models that are formulas, to be started as a process.

`good` is a probability from age and creatinine. A missing creatinine counts as 1, and must
arrive as NaN.
"""

import os
import sys
import time
from typing import Any

import numpy as np
import pandas as pd
from kserve import InferRequest, InferResponse, Model, ModelServer
from kserve.errors import InvalidInput
from kserve.utils.utils import get_predict_input, get_predict_response

_NAMES = {"matrix32": {"float_input": "FP32"}, "tensors": {"age": "FP64", "creatinine": "FP64"}}
"""Inputs of a server that has no data frames, as ONNX models have them: names and types."""


def _by_name(payload: dict[str, Any] | InferRequest, kind: str) -> np.ndarray[Any, Any]:
    """Take a request as strictly as Triton does."""
    if isinstance(payload, dict):
        return np.array(
            [[row[name] for name in _NAMES[kind]] for row in payload["instances"]], float
        )
    found = {tensor.name: (tensor.datatype, tensor.shape[1:]) for tensor in payload.inputs}
    width = 2 if kind == "matrix32" else 1
    if found != {name: (datatype, [width]) for name, datatype in _NAMES[kind].items()}:
        raise InvalidInput(f"unexpected inputs {found}")
    return np.column_stack([tensor.as_numpy() for tensor in payload.inputs])


class Formula(Model):  # type: ignore[misc]
    """One way to answer."""

    def __init__(self, name: str, kind: str) -> None:
        super().__init__(name)
        self._kind = kind
        self.ready = True

    def predict(
        self, payload: dict[str, Any] | InferRequest, headers: dict[str, str] | None = None
    ) -> dict[str, Any] | InferResponse:
        if self._kind == "slow":
            time.sleep(1.0)
        table = (
            _by_name(payload, self._kind) if self._kind in _NAMES else get_predict_input(payload)
        )
        return get_predict_response(payload, self._answer(table), self.name)

    def _answer(self, table: np.ndarray[Any, Any] | pd.DataFrame) -> np.ndarray[Any, Any]:
        if isinstance(table, pd.DataFrame) and "born on" in table:
            age = (pd.to_datetime(table["born on"]) - pd.Timestamp("2024-01-01")).dt.days
            creatinine = table["creatinine"].to_numpy(dtype=float)
            table = np.column_stack([age.to_numpy(dtype=float), creatinine])
        if isinstance(table, pd.DataFrame):
            age = table["age"].to_numpy(dtype=float)
            late = (table["stage"] == "late").to_numpy()
            return np.asarray(np.where(late, 0.9, 0.1) + 0 * age)
        rows = np.asarray(table, dtype=np.float64)
        score = 1 / (1 + np.exp(-(rows[:, 0] - 60) / 10 - np.nan_to_num(rows[:, 1], nan=1.0) + 1))
        if self._kind == "echo":
            raise InvalidInput(f"bad row {rows[0].tolist()} with age {int(rows[0, 0])}")
        answers = {
            "good": score,
            "matrix32": score,
            "tensors": score,
            "pairs": np.column_stack([1 - score, score]),
            "first": np.column_stack([score, 1 - score]),
            "class": (score >= 0.5).astype(np.int64),
            "truth": score >= 0.5,
            "wide": np.column_stack([score, score, score]),
            "short": score[:-1],
            "nan": np.where(np.arange(len(score)) == 0, np.nan, score),
            "inf": np.where(np.arange(len(score)) == 0, np.inf, score),
            "large": score * 100,
            "foreign": np.full(len(score), 7),
            "slow": score,
        }
        return np.asarray(answers[self._kind])


class LoopbackServer(ModelServer):  # type: ignore[misc]
    """KServe's server, on loopback only."""

    async def _serve(self) -> None:
        self._rest_server.config.host = "127.0.0.1"
        await super()._serve()


if __name__ == "__main__":
    kinds = os.environ["KINDS"].split(",")
    port = int(os.environ["PORT"])
    del sys.argv[1:]
    LoopbackServer(http_port=port, enable_grpc=False).start([Formula(kind, kind) for kind in kinds])
