"""Object stores, and who the evaluator is to them.

With a Secret it is whom the Secret names and nobody else: neither the node nor the ServiceAccount.
Without one it is who its ServiceAccount is to the cloud.
"""

import os
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, cast
from urllib.parse import urlsplit

from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import AzureStore, GCSStore, S3Store

from mlhops.api.data import AZURE_BLOB
from mlhops.api.destinations import Destinations
from mlhops.evaluator.data.egress_proxy import EgressProxy
from mlhops.evaluator.data.uris import shown
from mlhops.evaluator.errors import EvaluationError

if TYPE_CHECKING:
    from obstore.store import AzureConfig, ClientConfig, RetryConfig

Store: TypeAlias = S3Store | GCSStore | AzureStore
Kind: TypeAlias = Literal["s3", "gs", "azure"]

CA_CERTIFICATE = "CA_CERTIFICATE"
BEARER_TOKEN = "HTTPS_BEARER_TOKEN"  # noqa: S105 the name of a key
_ATTEMPTS = 3
_CONNECT = timedelta(seconds=10)
_WHOLE = timedelta(days=1)
"""For one request: what bounds it is the time without a byte, and the time for all."""
_IDENTITY = ("AWS_", "GOOGLE_", "AZURE_")
_ELSEWHERE_BY = re.compile("AWS_.*ENDPOINT.*")
"""Keys by which a client of S3 is told where it asks: a Secret says who asks, the spec where, as people see it."""
# What a Secret must have for each kind of place: all keys of one of these.
_NEEDED: dict[str, tuple[tuple[str, ...], ...]] = {
    "s3": (("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), ("AWS_SKIP_SIGNATURE",)),
    "gs": (("GOOGLE_SERVICE_ACCOUNT_KEY",), ("GOOGLE_BEARER_TOKEN",), ("GOOGLE_SKIP_SIGNATURE",)),
    "azure": (
        ("AZURE_STORAGE_ACCESS_KEY",),
        ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET"),
        ("AZURE_STORAGE_SAS_TOKEN",),
        ("AZURE_SKIP_SIGNATURE",),
        (CA_CERTIFICATE,),
    ),
    "https": ((BEARER_TOKEN,), (CA_CERTIFICATE,)),
}
# The keys of a Secret for KServe in their older spelling, which it takes as well.
_OLDER = {f"AZ_{each}": f"AZURE_{each}" for each in ("CLIENT_ID", "TENANT_ID", "CLIENT_SECRET")}
_PRINCIPAL = {
    "AZURE_CLIENT_ID": "client_id",
    "AZURE_TENANT_ID": "tenant_id",
    "AZURE_AUTHORITY_HOST": "authority_host",
}
_AZURE_SECRET = {
    **_PRINCIPAL,
    "AZURE_CLIENT_SECRET": "client_secret",
    "AZURE_STORAGE_ACCESS_KEY": "account_key",
    "AZURE_STORAGE_SAS_TOKEN": "sas_key",
}
_AZURE_WORKLOAD = {**_PRINCIPAL, "AZURE_FEDERATED_TOKEN_FILE": "federated_token_file"}
_PROOFS = (
    {"account_key"},
    {"sas_key"},
    {"client_id", "tenant_id", "client_secret"},
    {"client_id", "tenant_id", "federated_token_file"},
)
_CODE = re.compile(r"<Code>([A-Za-z0-9]{1,64})</Code>|\b(AADSTS\d{4,8})\b")
_STATUS = re.compile(r"status code: (\d{3})\b")
_TOKEN_REQUEST = "token request"  # noqa: S105 words of the client
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
_UNPROVEN = (
    "Microsoft Entra ID does not take who the evaluator says to be{code}: check AZURE_TENANT_ID, AZURE_CLIENT_ID "
    "and AZURE_CLIENT_SECRET in the Secret, or the federated credential of evaluation.serviceAccountName"
)
_NO_IDENTITY = (
    "the token of the ServiceAccount cannot be read: check that Azure's workload identity webhook sets it for pods "
    "of evaluation.serviceAccountName"
)
_ARCHIVED = "the file is archived: copy it to a tier from which it can be read at once"
_SILENT = "the server does not answer in time: check endpoint and the network"
_FAILS = "the server fails or breaks off"
_AWAY = (
    "the server cannot be reached: check endpoint, or the uri where there is none, and the network"
)
# What a client says, in lower case, and what it means for whoever wrote the spec.
_MEANINGS = {
    # The last resort is to ask the node who it is.
    "/latest/api/token": _NOBODY,
    "/latest/meta-data": _NOBODY,
    "/computemetadata/": _NOBODY,
    _TOKEN_REQUEST: _NOBODY,
    "federated token file": _NO_IDENTITY,
    "redirect": _ELSEWHERE,
    "certificate": _STRANGER,
    "timedout": _SILENT,
    "kind: timeout": _SILENT,
    "kind: connect": _AWAY,
}
_CODES = {
    "PublicAccessNotPermitted": _NOBODY,
    "NoAuthenticationInformation": _NOBODY,
    "BlobArchived": _ARCHIVED,
    "InvalidObjectState": _ARCHIVED,
}
# Azure answers these with the status of a bad request.
_REFUSALS = ("InvalidAuthenticationInfo",)
_MISSING = {"NoSuchBucket": "bucket", "ContainerNotFound": "container"}


# Errors of a kind that says all.
_TELLING = (PermissionDeniedError, UnauthenticatedError, FileNotFoundError)


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
    """Give the store of a URI and the path in it, for one piece of work.

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
    # On Azure the node is never asked: without workload identity the evaluator is nobody.
    ask = place.secret_name is None and kind_of(place.uri) != "azure"
    async with EgressProxy(allowed, stall, field, identity=ask) as gate:
        store = _client(place, prefix, stall, gate.proxy_for(host, scheme))
        try:
            yield store, _bucket_and_path(place.uri)[1]
        except (BaseError, FileNotFoundError) as error:
            told = gate.refused or meaning(error, gate.unreachable, nobody=_is_nobody(place))
            raise StoreError(told) from None


def kind_of(uri: str) -> Kind | None:
    """Return the kind of store that a URI names something in, as KServe's storage initializer tells them apart."""
    if uri.startswith("s3://"):
        return "s3"
    if uri.startswith("gs://"):
        return "gs"
    return "azure" if re.match(AZURE_BLOB, uri) else None


def _bucket_and_path(uri: str) -> tuple[str, str]:
    parts = urlsplit(uri)
    path = parts.path.lstrip("/")
    if kind_of(uri) != "azure":
        return parts.netloc, path
    container, _, path = path.partition("/")
    return container, path.lstrip("/")


def _server(place: Place) -> tuple[str, str]:
    """Return the host that is asked first, and its scheme."""
    if place.endpoint is not None:
        parts = urlsplit(place.endpoint)
        return parts.hostname or "", parts.scheme
    if kind_of(place.uri) == "azure":
        return urlsplit(place.uri).netloc, "https"
    if place.uri.startswith("gs://"):
        return "storage.googleapis.com", "https"
    return f"s3.{place.region or 'us-east-1'}.amazonaws.com", "https"


def _client(place: Place, prefix: str, stall: float, proxy: str | None) -> Store:
    given = _who(place, secret(place, prefix))
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
        if kind_of(place.uri) == "azure":
            return _azure(place, given, client, retry)
        with _identity(given if place.secret_name else None):
            return _store(place, client, retry)
    except Exception as error:
        # The client's own words may quote a key of the Secret.
        raise EvaluationError(
            f"the client for {shown(place.uri)} cannot be set up "
            f"({type(error).__name__}): check endpoint, region and the keys of the Secret"
        ) from None


def _who(place: Place, given: dict[str, str]) -> dict[str, str]:
    """Return what a Secret says of who asks.

    Raises:
        EvaluationError: it alone says where.
    """
    where = sorted(name for name in given if _ELSEWHERE_BY.fullmatch(name))
    if where and place.endpoint is None and kind_of(place.uri) == "s3":
        raise EvaluationError(
            f"the Secret {place.secret_name} says by {where[0]} which server is asked for {shown(place.uri)}: say so "
            "in endpoint beside the uri, where people see it, and remove the key"
        )
    return {name: value for name, value in given.items() if name not in where}


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
    for older, name in _OLDER.items():
        if older in given:
            given.setdefault(name, given[older])
    ways = _NEEDED[kind_of(place.uri) or urlsplit(place.uri).scheme]
    if not any(all(key in given for key in way) for way in ways):
        named = ", or ".join(" and ".join(way) for way in ways)
        raise EvaluationError(f"the Secret {place.secret_name} lacks a key: it must have {named}")
    return given


def meaning(error: Exception, unreachable: bool, *, nobody: bool) -> str:
    """Return what a store's error means and what to do; never its own words.

    These hold URLs, headers and what the server answered.

    Args:
        error: what the client raised.
        unreachable: whether the latest connection could not be made.
        nobody: whether the client had no credentials.
    """
    text = str(error)
    name = _code(text)
    code = f" ({name})" if name else ""
    lowered = text.lower()
    if "MicrosoftAzure" in text and _TOKEN_REQUEST in lowered:
        if (_status(error) or 500) < 500:
            return _UNPROVEN.format(code=code)
        lowered = lowered.replace(_TOKEN_REQUEST, "")
    if not isinstance(error, _TELLING):
        for words, what in _MEANINGS.items():
            if words in lowered:
                return what
    if nobody and (is_refused(error) or name == "ResourceNotFound"):
        return _NOBODY
    if name in _CODES:
        return _CODES[name]
    if is_refused(error):
        return (
            f"access is refused{code}: check the credentials in the Secret or of "
            "evaluation.serviceAccountName, and what they may do"
        )
    if isinstance(error, FileNotFoundError) or _status(error) == 404:
        return f"there is no such {_MISSING.get(name, 'file')}: check the uri, and endpoint if there is one"
    if unreachable:
        return _AWAY
    return (
        f"{_FAILS}{code or f' ({type(error).__name__})'}: check endpoint, "
        "and look at the server's log"
    )


def is_refused(error: Exception) -> bool:
    """Return whether a store lets nobody do that with these credentials; of lists only the status says it."""
    refused = isinstance(error, PermissionDeniedError | UnauthenticatedError)
    return refused or _status(error) in (401, 403) or _code(str(error)) in _REFUSALS


def _code(text: str) -> str:
    found = _CODE.search(text)
    return (found[1] or found[2]) if found else ""


def _status(error: Exception) -> int | None:
    found = _STATUS.search(str(error))
    return int(found[1]) if found else None


def _store(place: Place, client: "ClientConfig", retry: "RetryConfig") -> Store:
    bucket, _ = _bucket_and_path(place.uri)
    if kind_of(place.uri) == "gs":
        return GCSStore(bucket, client_options=client, retry_config=retry)
    where = {"endpoint": place.endpoint, "region": place.region}
    config = {name: value for name, value in where.items() if value is not None}
    return S3Store(bucket, config=config, client_options=client, retry_config=retry)  # type: ignore[arg-type]


def _azure(
    place: Place, given: dict[str, str], client: "ClientConfig", retry: "RetryConfig"
) -> AzureStore:
    """Return the client of a container: who it is comes from the Secret, or else from workload identity alone.

    Nobody is who has neither, which is enough for a public container.
    """
    host = urlsplit(place.uri).netloc
    known = _AZURE_SECRET if place.secret_name else _AZURE_WORKLOAD
    source = given if place.secret_name else os.environ
    config = {field: source[name] for name, field in known.items() if source.get(name)}
    if not any(way <= set(config) for way in _PROOFS):
        config = {"skip_signature": "true"}
    config |= {
        "account_name": host.partition(".")[0],
        "endpoint": place.endpoint or f"https://{host}",
    }
    container, _ = _bucket_and_path(place.uri)
    with _identity({}):
        return AzureStore(
            container, config=cast("AzureConfig", config), client_options=client, retry_config=retry
        )


def _is_nobody(place: Place) -> bool:
    """Return whether no credentials are given for Azure; elsewhere the client says so itself."""
    workload = ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_FEDERATED_TOKEN_FILE")
    named = place.secret_name is not None or all(os.environ.get(name) for name in workload)
    return kind_of(place.uri) == "azure" and not named


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
