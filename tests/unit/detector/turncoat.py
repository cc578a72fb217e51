"""A model behind KServe's real server that answers as a file says, which may change at any time.

A program: `python turncoat.py FILE --http_port=PORT --model_name=NAME`.
"""

import argparse
import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias, cast

import numpy as np
from kserve import InferRequest, Model, ModelServer, model_server
from kserve.errors import InferenceError
from kserve.utils.utils import get_predict_input, get_predict_response

Payload: TypeAlias = Mapping[str, Any] | InferRequest


class Turncoat(Model):  # type: ignore[misc]
    """Answers 0.5 for each row, unless the file says otherwise."""

    def __init__(self, name: str, file: Path) -> None:
        super().__init__(name)
        self._file = file
        self.ready = True

    async def predict(self, payload: Payload, *_: object, **__: object) -> dict[str, Any]:
        rows = len(get_predict_input(payload))
        match self._file.read_text():
            case "hang":
                await asyncio.Event().wait()
            case "block":
                time.sleep(3600)  # nothing else is answered either
            case "error":
                raise InferenceError("no")
            case "wide":
                return answered(payload, np.full((rows, 3), 0.3), self.name)
            case "nan":
                return answered(payload, np.full(rows, np.nan), self.name)
        return answered(payload, np.full(rows, 0.5), self.name)


class OwnServer(ModelServer):  # type: ignore[misc]
    """KServe's server listens on all addresses; this one on loopback."""

    async def _serve(self) -> None:
        self._rest_server.config.host = "127.0.0.1"
        await super()._serve()


def answered(payload: Payload, result: np.ndarray[Any, Any], name: str) -> dict[str, Any]:
    return cast(dict[str, Any], get_predict_response(payload, result, name))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(parents=[model_server.parser], allow_abbrev=False)
    parser.add_argument("file", type=Path)
    given, _ = parser.parse_known_args()
    model = Turncoat(given.model_name, given.file)
    OwnServer(http_port=given.http_port, enable_grpc=False).start([model])
