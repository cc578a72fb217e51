"""What a ConfigMap holds, by hash: a text may be a megabyte, and all that matters is whether it is the right one."""

import hashlib
from collections.abc import Mapping

from mlhops.api.base import Manifest
from mlhops.json_access import at

HASHES = "sha256"
"""No field of a ConfigMap as the API server has it, so that nobody else can set it."""


def sha256(content: str) -> str:
    """Return the hash of a text, in hexadecimal digits."""
    return hashlib.sha256(content.encode()).hexdigest()


def without_content(live: Manifest) -> Manifest:
    """Return a ConfigMap with hashes in the place of its texts."""
    rest = {key: value for key, value in live.items() if key not in ("data", "binaryData")}
    return rest | {HASHES: dict(content_hashes(live))}


def content_hashes(live: Manifest) -> Mapping[str, str]:
    """Return the hashes of a ConfigMap's texts by key, whether it has its texts still or not."""
    known = live.get(HASHES)
    if isinstance(known, dict):
        return {key: value for key, value in known.items() if isinstance(value, str)}
    data = at(live, "data")
    texts = data if isinstance(data, dict) else {}
    return {key: sha256(value) for key, value in texts.items() if isinstance(value, str)}
