"""The program of image `kserve-sklearnserver`: scikit-learn behind KServe's real ModelServer.

It answers as KServe's own sklearnserver does: `predict`, or `predict_proba` where the environment
says PREDICT_PROBA=true; v1 gives {"predictions": [...]}, v2 gives one output tensor `output-0`.

Inputs are read by KServe's own function: v1 `instances` as rows of values, or as one object with a
list for each column, of which a data frame is made; v2 as one [n, k] tensor, or with content_type
`pd` as one named tensor a column. Of several tensors without it the first alone is read.

Binds to the pod's own address (LAB_POD_IP) only, since pods share one network here.
LAB_SLOW_SECONDS adds that latency to each answer, LAB_HANG=1 never answers a prediction.
"""

import argparse
import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias, cast

import joblib
import numpy as np
import pandas as pd
from kserve import InferRequest, InferResponse, Model, ModelServer, model_server
from kserve.errors import InferenceError
from kserve.utils.utils import get_predict_input, get_predict_response

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
    """What the model is given: whatever KServe's servers make of a request."""
    return cast(Table, get_predict_input(payload))


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
