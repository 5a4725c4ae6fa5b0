"""Q3: the stored hash of each document is the hash of what is stored. The one check that SQL can't say by itself."""

import hashlib
import json
from typing import Any

ID = "V42d"
TITLE_ZH = "方法学文档的指纹与内容相符"
TITLE_EN = "The hash of each methodology document is that of its content"


def offenders(cursor: Any) -> list[tuple[Any, ...]]:
    """Versions whose SHA-256 is not that of the canonical JSON (sorted keys, no white space, UTF-8) of the document."""
    cursor.execute(
        "SELECT methodology_id || '@' || version, sha256, document::text"
        " FROM methodologies_methodologyversion ORDER BY 1"
    )
    found = []
    for name, stored, text in cursor.fetchall():
        canonical = json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        if hashlib.sha256(canonical.encode("utf-8")).hexdigest() != stored:
            found.append((name, stored))
    return found
