"""A caller as hospitals write them: pandas in, JSON out. It knows nothing of the evaluator."""

import json
import urllib.request
from typing import Any

import numpy as np
import pandas as pd
from kserve.protocol.infer_type import InferInput, InferRequest
from kserve.utils.numpy_codec import from_np_dtype
from numpy.typing import NDArray


def plain(column: "pd.Series[Any]") -> list[Any]:
    """Return values as JSON has them: no NaN, and no numpy."""
    values = column.tolist()
    return [None if pd.isna(value) else value for value in values]


def datatype(column: "pd.Series[Any]") -> str:
    """Return what KServe's own client calls the type of a column."""
    return str(from_np_dtype(column.dtype))


def columns_v2(frame: pd.DataFrame) -> dict[str, Any]:
    tensors = [
        {
            "name": str(name),
            "shape": [len(frame)],
            "datatype": datatype(frame[name]),
            "data": plain(frame[name]),
        }
        for name in frame
    ]
    return {"parameters": {"content_type": "pd"}, "inputs": tensors}


def columns_v1(frame: pd.DataFrame) -> dict[str, Any]:
    return {"instances": [{str(name): plain(frame[name]) for name in frame}]}


def matrix_v2(frame: pd.DataFrame) -> dict[str, Any]:
    rows = frame.to_numpy(dtype=float)
    tensor = {"name": "input-0", "shape": list(rows.shape), "datatype": "FP64"}
    return {"inputs": [tensor | {"data": plain(pd.Series(rows.ravel()))}]}


def matrix_v1(frame: pd.DataFrame) -> dict[str, Any]:
    return {"instances": [plain(pd.Series(row)) for row in frame.to_numpy(dtype=float)]}


def ask(url: str, model: str, body: dict[str, Any], column: int) -> NDArray[np.float64]:
    """Return a column of what the served model answers."""
    path = f"/v1/models/{model}:predict" if "instances" in body else f"/v2/models/{model}/infer"
    request = urllib.request.Request(
        url + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        said = json.load(answer)
    if "predictions" in said:
        return np.asarray(said["predictions"], dtype=np.float64)[:, column]
    (output,) = said["outputs"]
    return np.asarray(output["data"], dtype=np.float64).reshape(output["shape"])[:, column]


def as_kserve_reads(body: dict[str, Any]) -> InferRequest:
    """Return a v2 body as KServe's server has it."""
    tensors = [
        InferInput(each["name"], each["shape"], each["datatype"], each["data"])
        for each in body["inputs"]
    ]
    return InferRequest("m", tensors, parameters=body.get("parameters"))
