"""The lab's own client: what it says of an API server that hangs up."""

import asyncio
from pathlib import Path

import pytest

from lab.client import PODS, ApiError, Client

HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"
KUBECONFIG = """
current-context: it
contexts: [{{name: it, context: {{cluster: it, user: it}}}}]
clusters: [{{name: it, cluster: {{server: "http://127.0.0.1:{port}"}}}}]
users: [{{name: it, user: {{token: none}}}}]
"""


@pytest.mark.parametrize("said", [b"", HALF])
def test_an_api_server_that_hangs_up_is_a_refusal_like_any_other(
    said: bytes, tmp_path: Path
) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        await writer.drain()
        writer.close()

    async def ask() -> None:
        async with await asyncio.start_server(hang_up, "127.0.0.1") as server:
            port = server.sockets[0].getsockname()[1]
            kubeconfig = tmp_path / "kubeconfig"
            kubeconfig.write_text(KUBECONFIG.format(port=port))
            async with Client(kubeconfig) as client:
                await client.get(PODS, "ward", "mortality")

    with pytest.raises(ApiError, match=r"NoAnswer: GET .*/ward/pods/mortality"):
        asyncio.run(ask())
