"""What many reductions depend on alike is stored once: version hash, parameter values with their pedigree, limits."""

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from . import bulk


def canonical(content: Mapping[str, Any]) -> str:
    """The text that is stored and hashed: keys in order, no white space."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(text: str) -> str:
    """SHA-256 of the stored text, in hex."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def basis_ids(contents: Sequence[Mapping[str, Any]], at: dt.datetime) -> list[int]:
    """The ids of these bases, in order; what is not there yet is stored, in order of the hash.

    Two workers that meet a new basis at once wait for each other here and at no other place (docs/locking.md).
    """
    wanted = [canonical(content) for content in contents]
    of_text = {text: digest(text) for text in set(wanted)}
    found = _known(list(of_text.values()))
    missing = sorted((sha256, text) for text, sha256 in of_text.items() if sha256 not in found)
    if missing:
        bulk.values(
            "INSERT INTO credits_basis (sha256, content, created_at) VALUES %s ON CONFLICT (sha256) DO NOTHING",
            [(*item, at) for item in missing],
        )
        found |= _known([sha256 for sha256, _ in missing])
    return [found[of_text[text]] for text in wanted]


def _known(digests: list[str]) -> dict[str, int]:
    return dict(bulk.rows("SELECT sha256, id FROM credits_basis WHERE sha256 = ANY(%s)", [digests]))
