"""Sealing: secrets encrypted under a key of the environment, for one purpose each."""

import base64

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def sealer(key: str, purpose: str) -> Fernet:
    """What seals and opens secrets: keys by HKDF (RFC 5869), so that no purpose opens another's."""
    derive = HKDF(SHA256(), length=32, salt=None, info=f"dakhl-o-kharj {purpose}".encode())
    return Fernet(base64.urlsafe_b64encode(derive.derive(key.encode())))
