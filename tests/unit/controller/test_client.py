"""What the client makes of answers that no API server would give on purpose."""

import asyncio
import json
import math
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from typing import cast

import pytest
from aiohttp import web
from kubernetes.aio.client import Configuration
from kubernetes.aio.config import ConfigException

from mlhops.api.base import Manifest
from mlhops.controller.cache.entry import name_of
from mlhops.controller.kube import transport
from mlhops.controller.kube.client import ApiError, Client, NotInstalled, NotLeading
from mlhops.controller.resources import JOBS, MODELS

T = Callable[[Client], Awaitable[object]]


def ask(body: str, status: int, question: T, delay: float = 0.0, term: float = math.inf) -> object:
    """Put a question to a server that gives one and the same answer."""

    async def answer(_: web.Request) -> web.Response:
        await asyncio.sleep(delay)
        return web.Response(text=body, status=status, content_type="application/json")

    return asked(answer, question, term=term)


def asked(
    answer: Callable[[web.Request], Awaitable[web.Response]],
    question: T,
    login: Callable[[], Awaitable[str]] | None = None,
    term: float = math.inf,
) -> object:
    """Put a question to a server that answers so; `login` gives the token of a later login, `term` when writes end."""

    async def run() -> object:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]

        async def again() -> Configuration:
            token = await login() if login is not None else ""
            return Configuration(
                host=f"http://127.0.0.1:{port}", api_key={"BearerToken": f"Bearer {token}"}
            )

        host = f"http://127.0.0.1:{port}"
        client = Client(Configuration(host=host), term=lambda: term, login=again)
        try:
            return await question(client)
        finally:
            await client.close()
            await runner.cleanup()

    return asyncio.run(run())


@pytest.mark.parametrize(
    "body", ['{"items": [{"metadata"', "", "[]", '{"kind": "List"}', '{"items": {}}']
)
def test_a_damaged_list_is_an_error_and_not_empty(body: str) -> None:
    with pytest.raises(ApiError) as error:
        ask(body, 200, lambda client: client.list(MODELS, "icu"))
    assert error.value.status == 502


def test_a_damaged_object_is_an_error_and_not_absent() -> None:
    with pytest.raises(ApiError):
        ask('{"metadata": {"na', 200, lambda client: client.get(MODELS, "icu", "sepsis"))


@pytest.mark.parametrize("items", ["[]", "null"])
def test_an_empty_list_is_empty(items: str) -> None:
    body = f'{{"metadata": {{"resourceVersion": "7"}}, "items": {items}}}'
    assert ask(body, 200, lambda client: client.list(MODELS, "icu")) == []


def test_of_objects_that_are_large_a_page_has_fewer_and_none_is_left_out() -> None:
    pages: list[tuple[int, int]] = []
    noise = "x" * 900_000

    async def answer(request: web.Request) -> web.Response:
        first, limit = int(request.query.get("continue", 0)), int(request.query["limit"])
        last = min(first + limit, 20)
        names = range(first, last)
        items = [{"metadata": {"name": str(n)}, "spec": {"noise": noise}} for n in names]
        token = "" if last == 20 else str(last)
        pages.append((first, last))
        return web.json_response(
            {"metadata": {"resourceVersion": "7", "continue": token}, "items": items}
        )

    found = asked(answer, lambda client: client.list(JOBS, "icu"))

    assert [name_of(each).name for each in cast(list[Manifest], found)] == list(map(str, range(20)))
    assert noise not in str(found)
    assert max(last - first for first, last in pages[6:]) < 10


def test_an_object_that_is_not_there_and_a_kind_that_is_not_are_told_apart() -> None:
    gone = '{"reason": "NotFound", "message": "clinicalmodels \\"sepsis\\" not found"}'
    assert ask(gone, 404, lambda client: client.get(MODELS, "icu", "sepsis")) is None
    unknown = (
        '{"reason": "NotFound", "message": "the server could not find the requested resource"}'
    )
    with pytest.raises(NotInstalled):
        ask(unknown, 404, lambda client: client.get(MODELS, "icu", "sepsis"))


def test_a_list_takes_as_little_memory_however_many_objects_there_are() -> None:
    fields: Manifest = {f"f:{number}": {"f:name": {}, "f:value": {}} for number in range(30)}
    applied = {"manager": "mlhops", "operation": "Apply", "fieldsV1": {"f:spec": fields}}
    job = {"metadata": {"name": "sepsis", "namespace": "icu", "managedFields": [applied]}}
    items = [json.dumps(job)] * 1000

    async def answer(request: web.Request) -> web.Response:
        first, limit = int(request.query.get("continue") or 0), int(request.query["limit"])
        after = first + limit
        more = str(after) if after < len(items) else ""
        metadata = json.dumps({"resourceVersion": "7", "continue": more})
        page = ",".join(items[first:after])
        return web.Response(text=f'{{"metadata": {metadata}, "items": [{page}]}}')

    async def question(client: Client) -> int:
        tracemalloc.start()
        try:
            found = [len(page) async for page, _ in client.pages(JOBS, "icu", only_metadata=True)]
            assert sum(found) == len(items)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert cast(int, asked(answer, question)) < 6 * 2**20


@pytest.mark.parametrize("left", [0.0, -1.0])
def test_who_may_not_lead_reads_but_sends_no_write(left: float) -> None:
    lease = {"metadata": {"namespace": "icu", "name": "lease"}, "status": {}}
    writes: list[T] = [
        lambda client: client.apply(MODELS, cast(Manifest, lease)),
        lambda client: client.create(MODELS, cast(Manifest, lease)),
        lambda client: client.patch_status(MODELS, cast(Manifest, lease)),
        lambda client: client.delete(MODELS, "icu", "sepsis"),
    ]
    for write in writes:

        async def fenced(client: Client, write: T = write) -> object:
            assert await client.get(MODELS, "icu", "sepsis")
            return await write(client)

        with pytest.raises(NotLeading):
            ask('{"metadata": {}}', 200, fenced, term=left)


@pytest.mark.thorough
def test_a_write_is_waited_for_no_longer_than_the_term() -> None:
    async def fenced(client: Client) -> None:
        await client.delete(MODELS, "icu", "sepsis")

    with pytest.raises(TimeoutError):
        ask("{}", 200, fenced, delay=5.0, term=0.2)


def test_a_write_is_not_made_later_than_it_was_asked_for() -> None:
    """What it rests on may be gone once the API server wants to hear of it."""
    model: Manifest = {"metadata": {"namespace": "icu", "name": "sepsis"}}

    async def twice(client: Client) -> object:
        client._held_until = time.monotonic() + 30.0
        return await client.apply(MODELS, model)

    began = time.monotonic()
    with pytest.raises(ApiError) as error:
        ask("{}", 200, twice)
    assert (error.value.status, error.value.retry_after > 25.0) == (429, True)
    assert time.monotonic() - began < 5.0


async def _by_token(request: web.Request) -> web.Response:
    """Answer who has the token of the second login."""
    known = request.headers.get("Authorization") == "Bearer second"
    found: Manifest = {"metadata": {"resourceVersion": "7"}, "items": []}
    return web.json_response(found, status=200 if known else 401)


@pytest.fixture
def long_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let any login be long ago."""
    monkeypatch.setattr(transport, "_LOGIN_SECONDS", 0.0)


@pytest.mark.usefixtures("long_ago")
def test_what_is_refused_with_an_old_token_is_asked_again_with_a_new_one() -> None:
    logins: list[str] = []

    async def login() -> str:
        logins.append("second")
        return "second"

    async def question(client: Client) -> object:
        return await asyncio.gather(*(client.list(MODELS, "icu") for _ in range(5)))

    assert asked(_by_token, question, login) == [[]] * 5
    assert len(logins) == 1


@pytest.mark.usefixtures("long_ago")
def test_a_login_that_fails_leaves_the_refusal() -> None:
    async def login() -> str:
        raise ConfigException("exec: process returned 1")

    with pytest.raises(ApiError) as error:
        asked(_by_token, lambda client: client.list(MODELS, "icu"), login)
    assert error.value.status == 401


@pytest.mark.usefixtures("long_ago")
def test_no_write_waits_for_a_login_beyond_its_term_and_the_next_has_what_came_of_it() -> None:
    arrived = asyncio.Event()

    async def login() -> str:
        await arrived.wait()
        return "second"

    async def question(client: Client) -> object:
        with pytest.raises(TimeoutError):
            await client.create(JOBS, {"metadata": {"name": "a", "namespace": "icu"}})
        arrived.set()
        await asyncio.sleep(0.05)
        return await client.list(MODELS, "icu")

    assert asked(_by_token, question, login, term=0.2) == []
