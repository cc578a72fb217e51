"""The program of image `kserve-sklearnserver`: scikit-learn behind KServe's real ModelServer.

It answers as KServe's own sklearnserver does: `predict`, or `predict_proba` where the environment
says PREDICT_PROBA=true; v1 gives {"predictions": [...]}, v2 gives one output tensor `output-0`.

Inputs: v1 `instances` as rows of values or as objects by column; v2 as one [n, k] tensor or as one
named tensor a column (BYTES for text), of which a data frame is made. A null (JSON has no NaN)
among numbers reaches the model as NaN; text and nulls among text stay as they are.

Binds to the pod's own address (LAB_POD_IP) only, since pods share one network here.
LAB_SLOW_SECONDS adds that latency to each answer, LAB_HANG=1 never answers a prediction.
"""

import argparse
import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias, cast

import joblib
import numpy as np
import pandas as pd
from kserve import InferRequest, InferResponse, Model, ModelServer, model_server
from kserve.errors import InferenceError
from kserve.protocol.infer_type import InferInput
from kserve.utils.utils import get_predict_response

MODEL_EXTENSIONS = (".joblib", ".pkl", ".pickle")

Payload: TypeAlias = Mapping[str, Any] | InferRequest
Table: TypeAlias = np.ndarray[Any, Any] | pd.DataFrame


class SklearnModel(Model):  # type: ignore[misc]
    """One model file, served under one name."""

    def __init__(self, name: str, folder: Path) -> None:
        super().__init__(name)
        self._folder = folder
        self._slow = float(os.environ.get("LAB_SLOW_SECONDS", "0"))
        self._hang = os.environ.get("LAB_HANG") == "1"
        self._probability = os.environ.get("PREDICT_PROBA", "").lower() == "true"
        self._model: Any = None

    def load(self) -> bool:
        self._model = joblib.load(model_file(self._folder))
        self.ready = True
        return True

    async def predict(
        self, payload: Payload, *_: object, **__: object
    ) -> dict[str, Any] | InferResponse:
        if self._hang:
            await asyncio.Event().wait()
        await asyncio.sleep(self._slow)
        try:
            table = table_of(payload)
            result = await asyncio.to_thread(self._infer, table)
        except Exception as error:
            raise InferenceError(str(error)) from error
        return cast(dict[str, Any], get_predict_response(payload, result, self.name))

    def _infer(self, table: Table) -> np.ndarray[Any, Any]:
        if self._probability and hasattr(self._model, "predict_proba"):
            return np.asarray(self._model.predict_proba(table))
        return np.asarray(self._model.predict(table))


class PodServer(ModelServer):  # type: ignore[misc]
    """KServe's server listens on all addresses; this one on the pod's own."""

    async def _serve(self) -> None:
        self._rest_server.config.host = os.environ.get("LAB_POD_IP", "127.0.0.1")
        await super()._serve()


def table_of(payload: Payload) -> Table:
    """What the model is given: an array for rows, a data frame for named columns."""
    if isinstance(payload, InferRequest):
        inputs: Sequence[InferInput] = payload.inputs
        if len(inputs) == 1 and len(inputs[0].shape) > 1:
            return array_of(inputs[0])
        return pd.DataFrame({tensor.name: array_of(tensor).ravel() for tensor in inputs})
    rows = payload["inputs"] if "inputs" in payload else payload["instances"]
    if rows and isinstance(rows[0], dict):
        return floats_for_nulls(pd.DataFrame(rows))
    return numbers(np.array(rows, dtype=object))


def array_of(tensor: InferInput) -> np.ndarray[Any, Any]:
    """A tensor's values in its shape; nulls of numeric tensors as NaN, bytes as text."""
    if tensor.datatype != "BYTES":
        values = tensor.data
        if isinstance(values, list) and any(value is None for value in flatten(values)):
            return np.array(values, dtype=np.float64).reshape(tensor.shape)
        return np.asarray(tensor.as_numpy())
    texts = [v.decode() if isinstance(v, bytes) else v for v in flatten(tensor.as_numpy().tolist())]
    return np.array(texts, dtype=object).reshape(tensor.shape)


def flatten(values: Sequence[Any]) -> list[Any]:
    """The values of a nested list, in order."""
    result: list[Any] = []
    for value in values:
        if isinstance(value, list):
            result += flatten(value)
        else:
            result.append(value)
    return result


def numbers(rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Numbers as floats with NaN for null; rows that hold text stay as they are."""
    try:
        return rows.astype(np.float64)
    except (TypeError, ValueError):
        return rows


def floats_for_nulls(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns of numbers and nulls become floats; a column of text stays text."""
    return frame.apply(lambda column: pd.Series(numbers(column.to_numpy()), index=column.index))


def model_file(folder: Path) -> Path:
    """The one model file in a folder."""
    found = sorted(path for path in folder.iterdir() if path.suffix in MODEL_EXTENSIONS)
    if len(found) != 1:
        wanted = ", ".join(f"*{extension}" for extension in MODEL_EXTENSIONS)
        names = ", ".join(path.name for path in found) or "none"
        raise RuntimeError(f"{folder} must hold exactly one of {wanted}; found: {names}")
    return found[0]


def main() -> None:
    parser = argparse.ArgumentParser(parents=[model_server.parser], allow_abbrev=False)
    # --model_name is among the parent's arguments: given twice, the last one wins.
    parser.add_argument("--model_dir", type=Path, required=True, help="folder of the model file")
    arguments, _ = parser.parse_known_args()
    model = SklearnModel(arguments.model_name, arguments.model_dir)
    model.load()
    PodServer(http_port=arguments.http_port, enable_grpc=False).start([model])


if __name__ == "__main__":
    main()
