"""JSON as the API server itself would write it.

The data of a ControllerRevision never change, and the API server compares them as bytes. Whoever patches
another field of such an object, as the garbage collector does to take an owner away, has it encode the data
anew: keys sorted, whole numbers without a fraction, some letters escaped. What was written otherwise in the
first place can then not be patched at all.
"""

import orjson

from mlhops.api.base import Json, Manifest

_EXACT = 2.0**53
"""Up to here each whole number is one that a float can be."""
_ESCAPED = {
    b"<": b"\\u003c",
    b">": b"\\u003e",
    b"&": b"\\u0026",
    "\u2028".encode(): b"\\u2028",
    "\u2029".encode(): b"\\u2029",
}
"""What Go's encoder escapes; none of it stands outside of a text."""


def canonical(value: Manifest) -> Manifest:
    """Return an object with its whole numbers as such."""
    return {key: _plain(inner) for key, inner in value.items()}


def encoded(body: Manifest) -> bytes:
    """Return the JSON of an object, its keys sorted."""
    text = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
    for letter, escape in _ESCAPED.items():
        text = text.replace(letter, escape)
    return text


def _plain(value: Json) -> Json:
    if isinstance(value, dict):
        return canonical(value)
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return int(value)
    return value
