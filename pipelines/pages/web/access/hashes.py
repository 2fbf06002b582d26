"""Passwords and tokens as a configuration holds them: hashed, so that who reads it cannot use them."""

from __future__ import annotations

import hmac
import secrets
from hashlib import scrypt, sha256

#: Cost of a guess: 16 MB and some 50 ms.
_COST = 14


def hash_password(password: str, salt: bytes | None = None) -> str:
    """Return a password as ``[[user]] password`` holds it.

    >>> is_password("open sesame", hash_password("open sesame")), is_password("x", hash_password("open sesame"))
    (True, False)
    """
    grain = salt or secrets.token_bytes(16)
    return f"scrypt${_COST}${grain.hex()}${_scrypt(password, grain, _COST)}"


def is_password(password: str, kept: str) -> bool:
    """Return whether a password is the one that was hashed."""
    _, cost, salt, mark = kept.split("$")
    return hmac.compare_digest(_scrypt(password, bytes.fromhex(salt), int(cost)), mark)


def hash_token(token: str) -> str:
    """Return a token as ``[[user]] token`` holds it; a token is long and random, so that one round is enough.

    >>> hash_token("abc")[:15]
    'sha256$ba7816bf'
    """
    return f"sha256${sha256(token.encode()).hexdigest()}"


def _scrypt(password: str, salt: bytes, cost: int) -> str:
    return scrypt(password.encode(), salt=salt, n=2 ** min(cost, 20), r=8, p=1, maxmem=2**27, dklen=32).hex()
