"""What is sent is what the API server would write itself, so that it can patch it later."""

import json

from mlhops.api.base import Manifest
from mlhops.controller.kube.canonical import canonical, encoded


def test_keys_are_sorted_at_every_depth() -> None:
    body: Manifest = {"b": {"d": 1, "c": [{"f": 1, "e": 2}]}, "a": "x"}
    assert encoded(body) == b'{"a":"x","b":{"c":[{"e":2,"f":1}],"d":1}}'


def test_whole_numbers_have_no_fraction_and_others_keep_theirs() -> None:
    body: Manifest = {"a": [1.0, 0.25, -3.0, 1e300, 1e-7, True], "b": {"c": 0.0}}
    assert encoded(canonical(body)) == b'{"a":[1,0.25,-3,1e+300,1e-7,true],"b":{"c":0}}'


def test_what_go_escapes_is_escaped_and_means_the_same() -> None:
    body: Manifest = {"a": "x < y && z > 1 \u2028 \u2029 é \\u003c"}
    text = encoded(body)
    assert not set(b"<>&") & set(text)
    assert b"\\u003c" in text
    assert json.loads(text) == body
