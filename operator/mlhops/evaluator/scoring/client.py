"""Prediction requests with KServe's own client: what is tested is what will serve.

Trouble that may pass (server errors, timeouts, broken connections) is tried again; a refusal is
not.
"""

import asyncio
import random
import sys
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import httpx

from mlhops.api.base import Json, Manifest
from mlhops.api.detector import EVALUATION_ID
from mlhops.api.evaluation import EvaluationSpec
from mlhops.evaluator.errors import EvaluationError, RefusedError, UnavailableError, counted
from mlhops.evaluator.scoring.features import Inputs, payload
from mlhops.evaluator.scoring.redact import quote
from mlhops.evaluator.tasks import answers

ATTEMPTS = 5
_FIRST_WAIT = 0.2
_LONGEST_WAIT = 5.0
_SERVER_ERROR = 500
_ANY_ANSWER = 1 << 20
_A_ROW = 1 << 14
"""How many bytes an answer may have, and how many more for each row; a score takes some twenty."""
_ASKED_ROWS: ContextVar[int] = ContextVar("asked_rows", default=0)
"""How many rows the request under way has; KServe's client passes nothing on to who reads the answer."""


@dataclass(frozen=True)
class Endpoint:
    """Where and how the revision is served."""

    url: str
    model: str
    request_timeout: float


class _Bounded(httpx.AsyncByteStream):
    """The body of an answer, which ends with an error where it is too long."""

    def __init__(self, body: httpx.AsyncByteStream, rows: int) -> None:
        self._body = body
        self._rows = rows

    async def __aiter__(self) -> AsyncIterator[bytes]:
        most = _ANY_ANSWER + self._rows * _A_ROW
        seen = 0
        async for chunk in self._body:
            seen += len(chunk)
            if seen > most:
                raise EvaluationError(
                    f"the model server's answer to {counted(self._rows, 'row')} has more than "
                    f"{most:,} bytes, and a score takes some twenty: serve the score alone, without "
                    "inputs, explanations or other outputs"
                )
            yield chunk

    async def aclose(self) -> None:
        await self._body.aclose()


class _Bounds(httpx.Auth):
    """Bounds what is read of each answer; httpx shows an answer to an Auth before its body is read.

    Of a compressed answer the bytes would say nothing, so that none is asked for and none taken.
    """

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        request.headers["Accept-Encoding"] = "identity"
        answer = yield request
        if answer.headers.get("Content-Encoding", "identity") != "identity":
            raise EvaluationError(
                "the model server compresses an answer though it was asked not to: turn compression "
                "off there, or in what lies between"
            )
        if isinstance(answer.stream, httpx.AsyncByteStream):
            answer.stream = _Bounded(answer.stream, _ASKED_ROWS.get())


class _MayPassError(Exception):
    """The endpoint did not answer, which may be otherwise at the next try."""


class ModelClient:
    """Asks one endpoint for predictions."""

    def __init__(
        self, spec: EvaluationSpec, endpoint: Endpoint, labels: frozenset[str] = frozenset()
    ) -> None:
        """Make a client.

        Args:
            spec: the Evaluation's.
            endpoint: where the revision is served.
            labels: the values of the label, by which the positive class's column is known.
        """
        with _bare_arguments():
            # Takes seconds and reads sys.argv, so it is not imported before it is needed.
            from kserve import InferenceRESTClient, RESTConfig
        self._spec = spec
        self._endpoint = endpoint
        self._labels = labels
        # Without a transport of its own the client takes the proxy settings of the environment.
        self._client = InferenceRESTClient(
            RESTConfig(
                protocol=spec.protocol_version, timeout=endpoint.request_timeout, auth=_Bounds()
            )
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.close()

    async def predict(self, batch: Inputs, attempts: int = ATTEMPTS) -> answers.Values:
        """Return the model's value for each row.

        Raises:
            RefusedError: the endpoint answers with an error, of a server's own in spite of retries.
            EvaluationError: it does not answer in spite of retries, or answers nonsense.
        """
        body = payload(batch, self._spec.protocol_version)
        _ASKED_ROWS.set(batch.rows)
        trouble = ""
        for attempt in range(attempts):
            if attempt:
                wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2**attempt)
                await asyncio.sleep(random.uniform(wait / 2, wait))
            try:
                return self._values(await self._ask(body, batch), batch.rows)
            except _MayPassError as error:
                trouble = str(error)
        # A server that fails at these rows each time does so at the next try; one that is away may come back.
        kind = RefusedError if trouble.startswith(f"{_SERVER_ERROR} ") else UnavailableError
        raise kind(
            f"the model server failed {attempts} times at {self._endpoint.url}: {trouble}; look at "
            "the logs of the revision's predictor pods"
        )

    async def _ask(self, body: Manifest, batch: Inputs) -> object:
        """Return what the endpoint answers to one request.

        Raises:
            _MayPassError: it fails, and the next try may be answered.
            EvaluationError: no try would be.
        """
        try:
            return await self._client.infer(
                self._endpoint.url,
                body,
                model_name=self._endpoint.model,
                # KServe's logger takes this over, and so the detector knows whom not to count.
                headers={"Ce-Id": f"{EVALUATION_ID}{uuid.uuid4()}"},
            )
        except EvaluationError:
            raise
        except httpx.HTTPStatusError as error:
            said = self._said(error.response, batch)
            if error.response.status_code < _SERVER_ERROR:
                raise RefusedError(
                    f"the model server refuses the request: {said}; check the model's name, "
                    "the protocol and that spec.interface.features is what the model takes, "
                    "in its order"
                ) from error
            raise _MayPassError(said) from error
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise EvaluationError(
                "the endpoint is not a URL that begins with http:// or https://: correct "
                "spec.endpoint"
            ) from error
        except httpx.TimeoutException as error:
            seconds = f"{self._endpoint.request_timeout:g} s"
            raise _MayPassError(f"no answer within {seconds}") from error
        except httpx.TransportError as error:
            raise _MayPassError(f"no connection ({type(error).__name__})") from error
        except Exception as error:
            raise self._nonsense(error) from error

    def _values(self, answer: object, rows: int) -> answers.Values:
        output, task = self._spec.interface.output, self._spec.interface.task
        if self._spec.protocol_version == "v1":
            return answers.of_v1(_as_json(answer), output, rows, self._labels, task)
        try:
            outputs = answer.outputs  # type: ignore[attr-defined]
            tensors: list[tuple[str, Sequence[int], Sequence[Json]]] = [
                (str(tensor.name), list(tensor.shape), list(tensor.data)) for tensor in outputs
            ]
            datatypes = [str(tensor.datatype) for tensor in outputs]
        except Exception as error:
            raise self._nonsense(error) from error
        return answers.of_v2(tensors, output, rows, self._labels, datatypes, task)

    def _nonsense(self, error: Exception) -> EvaluationError:
        return EvaluationError(
            f"the model server's answer is not of the {self._spec.protocol_version} protocol "
            f"({type(error).__name__}): check that predictor.protocolVersion is what the server "
            "speaks"
        )

    def _said(self, response: httpx.Response, batch: Inputs) -> str:
        names = {feature.name for feature in self._spec.interface.features}
        names |= {self._endpoint.model, self._spec.interface.output.name}
        text = quote(_error_text(response), names, batch.words(), batch.whole_numbers())
        return f"{response.status_code} {response.reason_phrase}" + (f" ({text})" if text else "")


def _error_text(response: httpx.Response) -> str:
    try:
        body = response.json()
    except ValueError:
        return response.text
    error = body.get("error", body.get("detail")) if isinstance(body, dict) else body
    return str(error) if error is not None else response.text


def _as_json(answer: object) -> Json:
    return answer if isinstance(answer, dict) else None


@contextmanager
def _bare_arguments() -> Iterator[None]:
    """Hide the command line: kserve parses it on import, and exits at what is like its own."""
    arguments = sys.argv
    sys.argv = arguments[:1]
    try:
        yield
    finally:
        sys.argv = arguments
