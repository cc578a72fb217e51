"""DSSE envelopes: a payload with its type and signatures, in JSON, as in-toto attestations travel.

What is signed is not the payload alone but its pre-authentication encoding, so that no payload of another type passes
for it (https://github.com/secure-systems-lab/dsse, version 1.0.2).
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlhops.json_access import items, text

if TYPE_CHECKING:
    from mlhops.api.base import Manifest
    from mlhops.cli.audit.keys import Signer, SigningKey

PAYLOAD_TYPE = "application/vnd.in-toto+json"


@dataclass(frozen=True)
class Envelope:
    """A payload with its signatures."""

    type: str
    payload: bytes
    signatures: tuple[tuple[str, bytes], ...]
    """Key ids, which are hints and prove nothing, with signatures."""


def encoding(type_: str, payload: bytes) -> bytes:
    """Return the bytes that are signed: lengths in front, so that no part can be taken for another."""
    named = type_.encode()
    return b"DSSEv1 %d %b %d %b" % (len(named), named, len(payload), payload)


def signed(statement: Manifest, key: SigningKey) -> str:
    """Return a statement in an envelope, in one line."""
    payload = json.dumps(statement, sort_keys=True, ensure_ascii=False).encode()
    signature = key.sign(encoding(PAYLOAD_TYPE, payload))
    envelope = {
        "payloadType": PAYLOAD_TYPE,
        "payload": base64.b64encode(payload).decode(),
        "signatures": [{"keyid": key.id, "sig": base64.b64encode(signature).decode()}],
    }
    return json.dumps(envelope, sort_keys=True)


def read(line: str) -> Envelope:
    """Return the envelope in a line.

    Raises:
        ValueError: it is none.
    """
    try:
        found = json.loads(line)
        if not isinstance(found, dict):
            raise ValueError("an envelope is an object")
        payload = base64.b64decode(text(found, "payload"), validate=True)
        signatures = tuple(
            (text(each, "keyid"), base64.b64decode(text(each, "sig"), validate=True))
            for each in items(found, "signatures")
        )
    except (ValueError, RecursionError, binascii.Error) as error:
        raise ValueError("the line is no DSSE envelope") from error
    return Envelope(text(found, "payloadType"), payload, signatures)


def signed_by(envelope: Envelope, signers: tuple[Signer, ...]) -> Signer | None:
    """Return whose signature an envelope has, None where it has that of none of them."""
    data = encoding(envelope.type, envelope.payload)
    for signer in signers:
        if any(signer.verifies(signature, data) for _, signature in envelope.signatures):
            return signer
    return None
