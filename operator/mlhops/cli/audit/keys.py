"""Keys of whoever exports a bundle: Ed25519, or ECDSA on P-256, as PEM."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import (
        ECDSA,
        EllipticCurvePrivateKey,
        EllipticCurvePublicKey,
    )
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

_KINDS = "an Ed25519 key, or one of ECDSA on P-256"


class KeyTrouble(ValueError):
    """Why a key cannot be used, with what helps."""


@dataclass(frozen=True)
class Signer:
    """A public key, by which signatures are checked."""

    key: Ed25519PublicKey | EllipticCurvePublicKey

    @property
    def pem(self) -> bytes:
        """The key as PEM."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        return self.key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    @property
    def id(self) -> str:
        """The sha256 of the key as DER (SubjectPublicKeyInfo)."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        der = self.key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return f"sha256:{hashlib.sha256(der).hexdigest()}"

    def verifies(self, signature: bytes, data: bytes) -> bool:
        """Return whether a signature of data is by this key."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            if isinstance(self.key, Ed25519PublicKey):
                self.key.verify(signature, data)
            else:
                self.key.verify(signature, data, _ecdsa())
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True)
class SigningKey:
    """A private key."""

    key: Ed25519PrivateKey | EllipticCurvePrivateKey

    @property
    def signer(self) -> Signer:
        """Its public key."""
        return Signer(self.key.public_key())

    @property
    def id(self) -> str:
        """The id of its public key."""
        return self.signer.id

    def sign(self, data: bytes) -> bytes:
        """Return a signature of data: of ECDSA as DER, with SHA-256."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        if isinstance(self.key, Ed25519PrivateKey):
            return self.key.sign(data)
        return self.key.sign(data, _ecdsa())


def _ecdsa() -> ECDSA:
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.hashes import SHA256

    return ECDSA(SHA256())


def signing_key(pem: bytes, password: bytes | None = None) -> SigningKey:
    """Return the private key in a PEM file.

    Raises:
        KeyTrouble: it is none that can be used here.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem, password)
    except TypeError as error:
        raise KeyTrouble("the key is under a password: set MLHOPS_KEY_PASSWORD to it") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyTrouble(
            f"it is no private key in PEM, or its password is another: give {_KINDS}"
        ) from error
    if isinstance(key, Ed25519PrivateKey):
        return SigningKey(key)
    if isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1):
        return SigningKey(key)
    raise KeyTrouble(f"keys of this kind are not taken: give {_KINDS}")


def signer(pem: bytes) -> Signer:
    """Return the public key in a PEM file.

    Raises:
        KeyTrouble: it is none that can be used here.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyTrouble(f"it is no public key in PEM: give {_KINDS}") from error
    if isinstance(key, Ed25519PublicKey):
        return Signer(key)
    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return Signer(key)
    raise KeyTrouble(f"keys of this kind are not taken: give {_KINDS}")
