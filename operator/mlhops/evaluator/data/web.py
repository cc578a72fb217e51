"""Files from a web server, over TLS and from the named host only."""

import asyncio
import random
import ssl
from urllib.parse import urljoin, urlsplit

import httpx

from mlhops.api.data import DATA_PREFIX, DataSource
from mlhops.api.destinations import Destinations
from mlhops.evaluator.data.downloads import Copy
from mlhops.evaluator.data.egress_proxy import EgressProxy
from mlhops.evaluator.data.stores import BEARER_TOKEN, CA_CERTIFICATE, secret
from mlhops.evaluator.data.uris import shown
from mlhops.evaluator.errors import EvaluationError, UnavailableError

_ATTEMPTS = 3
_FIRST_WAIT = 0.5
_CONNECT = 10.0
_MOST_REDIRECTS = 5
_BUSY = 429
_BROKEN = 500


class _AgainError(Exception):
    """Trouble that may pass."""


async def download(data: DataSource, copy: Copy, stall: float, allowed: Destinations) -> None:
    """Copy a file; a broken connection and a server's own errors are tried again.

    Args:
        data: where it is.
        copy: what takes its bytes.
        stall: seconds without a byte after which a try is given up.
        allowed: what may be reached.

    Raises:
        EvaluationError: the file cannot be had.
    """
    given = secret(data, DATA_PREFIX)
    headers = {"Accept-Encoding": "identity"}
    if BEARER_TOKEN in given:
        headers["Authorization"] = f"Bearer {given[BEARER_TOKEN]}"
    async with EgressProxy(allowed, stall, "data.uri") as gate:
        proxy = gate.proxy_for(urlsplit(data.uri).hostname or "", "https")
        async with httpx.AsyncClient(
            verify=_trust(given),
            timeout=httpx.Timeout(stall, connect=min(stall, _CONNECT)),
            headers=headers,
            proxy=proxy,
        ) as client:
            await _patiently(client, data.uri, copy, gate)


async def _patiently(client: httpx.AsyncClient, uri: str, copy: Copy, gate: EgressProxy) -> None:
    trouble = ""
    for attempt in range(_ATTEMPTS):
        if attempt:
            wait = _FIRST_WAIT * 2**attempt
            await asyncio.sleep(random.uniform(wait / 2, wait))
        try:
            await _get(client, uri, copy)
        except _AgainError as error:
            trouble = str(error)
        except httpx.TimeoutException:
            trouble = "the server does not answer in time"
        except httpx.TransportError as error:
            if gate.refused:
                raise EvaluationError(f"{shown(uri)} cannot be read: {gate.refused}") from error
            trouble = _transport(error)
        else:
            return
    raise UnavailableError(
        f"{shown(uri)} cannot be read: {trouble}; tried {_ATTEMPTS} times: check data.uri and the network"
    )


async def _get(client: httpx.AsyncClient, uri: str, copy: Copy) -> None:
    url = uri
    for _ in range(_MOST_REDIRECTS + 1):
        async with client.stream("GET", url) as answer:
            if answer.has_redirect_location:
                url = _next(url, answer.headers["Location"], uri)
                continue
            _check(answer, uri)
            copy.begin(int(answer.headers.get("Content-Length", 0)))
            async for chunk in answer.aiter_raw():
                copy.add(chunk)
            return
    raise EvaluationError(f"{shown(uri)} redirects in circles: name the file's own address")


def _next(url: str, location: str, uri: str) -> str:
    """Return where a redirect leads, which must be on the same server."""
    target = urljoin(url, location)
    here, there = urlsplit(url), urlsplit(target)
    if there.scheme != "https" or there.netloc != here.netloc:
        raise EvaluationError(
            f"{shown(uri)} redirects to another server ({there.scheme}://{there.hostname}), which "
            "is not followed: name the file's own address in data.uri"
        )
    return target


def _check(answer: httpx.Response, uri: str) -> None:
    status = answer.status_code
    if status == _BUSY or status >= _BROKEN:
        raise _AgainError(f"the server answers {status}")
    if status in (401, 403):
        raise EvaluationError(
            f"{shown(uri)} cannot be read: access is refused ({status}): name a Secret with the "
            f"key {BEARER_TOKEN} in data.secretName"
        )
    if status in (404, 410):
        raise EvaluationError(f"there is no file at {shown(uri)} ({status}): check data.uri")
    if status != 200:
        raise EvaluationError(f"{shown(uri)} cannot be read: the server answers {status}")
    chunked = answer.headers.get("Transfer-Encoding", "").lower() == "chunked"
    if "Content-Length" not in answer.headers and not chunked:
        raise EvaluationError(
            f"{shown(uri)} cannot be read: the server does not say how long the file is, so that "
            "one cut off would not be noticed; use a server that sends Content-Length"
        )


def _transport(error: httpx.TransportError) -> str:
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return (
            "the server's certificate is not trusted (put the authority's certificate into the "
            f"Secret, under the key {CA_CERTIFICATE})"
        )
    if isinstance(error, httpx.RemoteProtocolError):
        return "the server breaks off"
    return "its server cannot be reached"


def _trust(given: dict[str, str]) -> ssl.SSLContext:
    try:
        context = httpx.create_ssl_context()
    except OSError as error:
        # Its volume is optional, so that whoever reads no web server needs none.
        raise EvaluationError(
            "the CA bundle that the operator gives each evaluator cannot be read: have it in this namespace too"
        ) from error
    if CA_CERTIFICATE in given:
        try:
            context.load_verify_locations(cadata=given[CA_CERTIFICATE])
        except (ssl.SSLError, ValueError) as error:
            raise EvaluationError(
                f"{CA_CERTIFICATE} in the Secret is not a certificate: write it as PEM"
            ) from error
    return context
