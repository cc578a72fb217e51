"""HTTP to what may be anybody's, pods and sinks: bounded in time and number, and led nowhere else."""

import aiohttp

from mlhops import __version__


def session(seconds: float, at_once: int) -> aiohttp.ClientSession:
    """Return a session that keeps nothing: no connection, no cookie, and it heeds no proxy.

    Args:
        seconds: for a whole request.
        at_once: requests that may be under way.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=at_once, force_close=True),
        headers={"User-Agent": f"mlhops/{__version__}", "Accept-Encoding": "identity"},
        timeout=aiohttp.ClientTimeout(total=seconds),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,  # a few bytes could become very many
        trust_env=False,
    )
