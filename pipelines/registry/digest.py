"""The checksum of a model's folder: what was promoted is what is loaded."""

from __future__ import annotations

import hashlib
from pathlib import Path

#: Files that MLflow writes into a model's folder when somebody loads it.
_WRITTEN_BY_READERS = ("registered_model_meta",)


def compute_digest(folder: Path) -> str:
    """Return the SHA-256 of all files of a folder, with their names.

    >>> import tempfile
    >>> place = Path(tempfile.mkdtemp())
    >>> _ = (place / "a").write_bytes(b"1")
    >>> first = compute_digest(place)
    >>> _ = (place / "a").write_bytes(b"2")
    >>> len(first), first == compute_digest(place)
    (64, False)
    """
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.name not in _WRITTEN_BY_READERS):
        name, body = path.relative_to(folder).as_posix().encode(), path.read_bytes()
        # Lengths first, so that no two folders give the same bytes.
        digest.update(b"%d %d " % (len(name), len(body)) + name + body)
    return digest.hexdigest()
