"""Object stores, and who the evaluator is to them.

With a Secret it is whom the Secret names and nobody else: neither the node nor the ServiceAccount.
Without one it is who its ServiceAccount is to the cloud.
"""

import os
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol, TypeAlias
from urllib.parse import urlsplit

from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import GCSStore, S3Store

from mlhops.api.destinations import Destinations
from mlhops.evaluator.data.egress_proxy import EgressProxy
from mlhops.evaluator.errors import EvaluationError

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig

Store: TypeAlias = S3Store | GCSStore

CA_CERTIFICATE = "CA_CERTIFICATE"
BEARER_TOKEN = "HTTPS_BEARER_TOKEN"  # noqa: S105 the name of a key
_ATTEMPTS = 3
_CONNECT = timedelta(seconds=10)
_WHOLE = timedelta(days=1)
"""For one request: what bounds it is the time without a byte, and the time for all."""
_IDENTITY = ("AWS_", "GOOGLE_")
# What a Secret must have for each scheme: all keys of one of these.
_NEEDED: dict[str, tuple[tuple[str, ...], ...]] = {
    "s3": (("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), ("AWS_SKIP_SIGNATURE",)),
    "gs": (("GOOGLE_SERVICE_ACCOUNT_KEY",), ("GOOGLE_BEARER_TOKEN",), ("GOOGLE_SKIP_SIGNATURE",)),
    "https": ((BEARER_TOKEN,), (CA_CERTIFICATE,)),
}
_CODE = re.compile(r"<Code>([A-Za-z0-9]{1,64})</Code>")
_NOBODY = (
    "there are no credentials: name a Secret in secretName, or set evaluation.serviceAccountName "
    "to one that is somebody to the cloud"
)
_ELSEWHERE = (
    "the server sends elsewhere: set region to the bucket's own, and endpoint to the server itself"
)
_STRANGER = (
    "the server's certificate is not trusted: put the authority's certificate into the Secret, "
    f"under the key {CA_CERTIFICATE}"
)
_SILENT = "the server does not answer in time: check endpoint and the network"
_FAILS = "the server fails or breaks off"
_AWAY = "the server cannot be reached: check endpoint and the network"
# What a client says, in lower case, and what it means for whoever wrote the spec.
_MEANINGS = {
    # The last resort is to ask the node who it is.
    "/latest/api/token": _NOBODY,
    "/latest/meta-data": _NOBODY,
    "/computemetadata/": _NOBODY,
    "token request": _NOBODY,
    "redirect": _ELSEWHERE,
    "certificate": _STRANGER,
    "timedout": _SILENT,
    "kind: timeout": _SILENT,
    "kind: connect": _AWAY,
}


class StoreError(Exception):
    """A store does not do what is asked; the message says why and what to do."""

    @property
    def passes(self) -> bool:
        """Whether the same may go well another time, with nothing changed."""
        return str(self).startswith((_SILENT, _AWAY, _FAILS))


class Place(Protocol):
    """Where data or reports are."""

    @property
    def uri(self) -> str: ...
    @property
    def endpoint(self) -> str | None: ...
    @property
    def region(self) -> str | None: ...
    @property
    def secret_name(self) -> str | None: ...


@asynccontextmanager
async def opened(
    place: Place, prefix: str, stall: float, allowed: Destinations, field: str
) -> AsyncIterator[tuple[Store, str]]:
    """Give the store of an s3:// or gs:// URI and the path in it, for one piece of work.

    Args:
        place: what the spec says.
        prefix: what the keys of the Secret begin with in the environment.
        stall: seconds without a byte after which a request is given up, and tried again.
        allowed: what may be reached.
        field: what the place is called in the spec.

    Raises:
        EvaluationError: the Secret lacks a key, or a key holds nonsense; the server must not be reached.
        StoreError: the store does not do what is asked.
    """
    host, scheme = _server(place)
    field += ".endpoint" if place.endpoint else ".uri"
    async with EgressProxy(allowed, stall, field, identity=place.secret_name is None) as gate:
        store = _client(place, prefix, stall, gate.proxy_for(host, scheme))
        try:
            yield store, urlsplit(place.uri).path.lstrip("/")
        except (BaseError, FileNotFoundError) as error:
            raise StoreError(gate.refused or meaning(error, gate.unreachable)) from None


def _server(place: Place) -> tuple[str, str]:
    """Return the host that is asked first, and its scheme."""
    if place.endpoint is not None:
        parts = urlsplit(place.endpoint)
        return parts.hostname or "", parts.scheme
    if place.uri.startswith("gs://"):
        return "storage.googleapis.com", "https"
    return f"s3.{place.region or 'us-east-1'}.amazonaws.com", "https"


def _client(place: Place, prefix: str, stall: float, proxy: str | None) -> Store:
    parts = urlsplit(place.uri)
    given = secret(place, prefix)
    client: ClientConfig = {
        "connect_timeout": _CONNECT,
        "read_timeout": timedelta(seconds=stall),
        "timeout": _WHOLE,
        "allow_http": bool(place.endpoint and place.endpoint.startswith("http://")),
    }
    if proxy is not None:
        client["proxy_url"] = proxy
    if CA_CERTIFICATE in given:
        client["root_certificate"] = given[CA_CERTIFICATE]
    retry: RetryConfig = {"max_retries": _ATTEMPTS - 1, "retry_timeout": _WHOLE}
    try:
        with _identity(given if place.secret_name else None):
            return _store(parts.scheme, parts.netloc, place, client, retry)
    except Exception as error:
        # The client's own words may quote a key of the Secret.
        raise EvaluationError(
            f"the client for {parts.scheme}://{parts.netloc} cannot be set up "
            f"({type(error).__name__}): check endpoint, region and the keys of the Secret"
        ) from None


def secret(place: Place, prefix: str) -> dict[str, str]:
    """Return what the Secret of a place holds.

    Raises:
        EvaluationError: the Secret lacks what the scheme needs.
    """
    if place.secret_name is None:
        return {}
    given = {
        name.removeprefix(prefix): value
        for name, value in os.environ.items()
        if name.startswith(prefix) and value
    }
    ways = _NEEDED[urlsplit(place.uri).scheme]
    if not any(all(key in given for key in way) for way in ways):
        named = ", or ".join(" and ".join(way) for way in ways)
        raise EvaluationError(f"the Secret {place.secret_name} lacks a key: it must have {named}")
    return given


def meaning(error: Exception, unreachable: bool) -> str:
    """Return what a store's error means and what to do; never its own words.

    These hold URLs, headers and what the server answered. `unreachable` says that the latest connection
    could not be made.
    """
    text = str(error)
    found = _CODE.search(text)
    code = f" ({found[1]})" if found else ""
    if isinstance(error, PermissionDeniedError | UnauthenticatedError):
        return (
            f"access is refused{code}: check the credentials in the Secret or of "
            "evaluation.serviceAccountName, and what they may do"
        )
    if isinstance(error, FileNotFoundError):
        missing = "bucket" if found and found[1] == "NoSuchBucket" else "file"
        return f"there is no such {missing}: check the uri, and endpoint if there is one"
    for words, what in _MEANINGS.items():
        if words in text.lower():
            return what
    if unreachable:
        return _AWAY
    return (
        f"{_FAILS}{code or f' ({type(error).__name__})'}: check endpoint, "
        "and look at the server's log"
    )


def _store(
    scheme: str, bucket: str, place: Place, client: "ClientConfig", retry: "RetryConfig"
) -> Store:
    if scheme == "gs":
        return GCSStore(bucket, client_options=client, retry_config=retry)
    where = {"endpoint": place.endpoint, "region": place.region}
    config = {name: value for name, value in where.items() if value is not None}
    return S3Store(bucket, config=config, client_options=client, retry_config=retry)  # type: ignore[arg-type]


@contextmanager
def _identity(given: dict[str, str] | None) -> Iterator[None]:
    """Let the environment say only what a Secret says of who the evaluator is."""
    if given is None:
        yield
        return
    before = {name: value for name, value in os.environ.items() if name.startswith(_IDENTITY)}
    during = {name: value for name, value in given.items() if name.startswith(_IDENTITY)}
    for name in before:
        del os.environ[name]
    os.environ.update(during)
    try:
        yield
    finally:
        for name in during:
            del os.environ[name]
        os.environ.update(before)
