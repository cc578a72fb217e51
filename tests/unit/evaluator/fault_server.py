"""A server that fails in the ways of networks and gateways, by the first part of the path.

It is what a KServe server cannot be asked to do. As a proxy it answers for any host.
"""

import asyncio
import gzip
import math
import os
from collections import Counter
from collections.abc import Awaitable, Callable

from aiohttp import web

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def score(request: web.Request) -> web.StreamResponse:
    """Answer as a v2 server with the formula of the model server's `good`."""
    tensor = (await request.json())["inputs"][0]
    rows = tensor["shape"][0]
    pairs = zip(tensor["data"][::2], tensor["data"][1::2], strict=True)
    data = [1 / (1 + math.exp(-(a - 60) / 10 - (1.0 if c is None else c) + 1)) for a, c in pairs]
    output = {"name": "output-0", "shape": [rows], "datatype": "FP64", "data": data}
    return web.json_response({"model_name": "good", "outputs": [output]})


def flaky() -> Answer:
    """Fail twice for each body."""
    seen: Counter[bytes] = Counter()

    async def answer(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        seen[body] += 1
        if seen[body] <= 2:
            return web.Response(status=503, text="no healthy upstream")
        return await score(request)

    return answer


async def batches(request: web.Request) -> web.StreamResponse:
    """Answer only for several rows at a time."""
    if (await request.json())["inputs"][0]["shape"][0] == 1:
        return web.json_response({"error": "one row is too few"}, status=400)
    return await score(request)


async def down(_: web.Request) -> web.StreamResponse:
    return web.Response(status=503, text="no healthy upstream")


async def echo(request: web.Request) -> web.StreamResponse:
    tensor = (await request.json())["inputs"][0]
    return web.json_response({"error": f"cannot score {tensor['data'][:2]}"}, status=400)


async def garbage(_: web.Request) -> web.StreamResponse:
    return web.Response(text="<html>welcome</html>", content_type="text/html")


async def hang(_: web.Request) -> web.StreamResponse:
    await asyncio.sleep(60)
    return web.Response()


async def endless(request: web.Request) -> web.StreamResponse:
    """Begin as a good answer does, and go on for as long as anybody reads: of twenty rows up to 256 MiB."""
    answer = web.StreamResponse(headers={"Content-Type": "application/json"})
    await answer.prepare(request)
    await answer.write(b'{"outputs": [{"name": "output-0", "data": [0.5')
    for _ in range(4096):
        await answer.write(b", 0.5" * 13107)
    return answer


async def squeezed(request: web.Request) -> web.StreamResponse:
    """Answer with 64 MiB of blanks that take some 64 KiB on the way, whatever was asked for."""
    body = gzip.compress(b" " * (1 << 26))
    return web.Response(body=body, headers={"Content-Encoding": "gzip"})


async def proxied(request: web.Request) -> web.StreamResponse:
    if request.host != "model.invalid":
        return web.Response(status=502)
    return await score(request)


async def ready(_: web.Request) -> web.StreamResponse:
    return web.Response()


def main() -> None:
    app = web.Application(client_max_size=1 << 24)
    ways: dict[str, Answer] = {
        "flaky": flaky(),
        "batches": batches,
        "down": down,
        "echo": echo,
        "garbage": garbage,
        "hang": hang,
        "endless": endless,
        "squeezed": squeezed,
    }
    for name, way in ways.items():
        app.router.add_post(f"/{name}/v2/models/good/infer", way)
    app.router.add_post("/v2/models/good/infer", proxied)
    app.router.add_get("/v2/health/ready", ready)
    web.run_app(app, host="127.0.0.1", port=int(os.environ["PORT"]), print=None)


if __name__ == "__main__":
    main()
