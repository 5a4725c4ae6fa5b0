"""What every answer carries (B19), asked of one answer at a time; an empty list is a good answer."""

import re
from typing import Any

YEAR = 365 * 24 * 3600
#: The directives that no policy of ours may lack, with their only value.
FIXED = {
    "object-src": ["'none'"],
    "base-uri": ["'none'"],
    "frame-ancestors": ["'none'"],
    "form-action": ["'self'"],
}
INLINE = re.compile(r"<script(?![^>]*\ssrc=)[^>]*>|<style[^>]*>")
ATTRIBUTES = re.compile(r"<[a-z][^<>]*\s(?:on[a-z]+|style)=[\"'][^<>]*>")
LOOSE = ("'unsafe-inline'", "'unsafe-eval'", "'unsafe-hashes'", "http:", "https:", "*", "data:")


def directives(policy: str) -> dict[str, list[str]]:
    """A content security policy as a dictionary."""
    parts = [part.split() for part in policy.split(";") if part.strip()]
    return {part[0]: part[1:] for part in parts}


def header_faults(response: Any, *, personal: bool = False, secure: bool = False, static: bool = False) -> list[str]:
    """Sentences, one per header that is missing or too weak.

    `personal`: somebody is logged in, so nothing may be stored. `secure`: it came by TLS. `static`: a public file.
    """
    found = _policy_faults(response)
    for name, wanted in (
        ("X-Content-Type-Options", {"nosniff"}),
        ("Referrer-Policy", {"same-origin", "no-referrer", "strict-origin"}),
        ("Cross-Origin-Opener-Policy", {"same-origin"}),
        ("Cross-Origin-Resource-Policy", {"same-origin"}),
    ):
        if response.get(name) not in wanted:
            found.append(f"{name} is {response.get(name)!r}, not {' or '.join(sorted(wanted))}")
    permissions = response.get("Permissions-Policy", "")
    for power in ("geolocation=()", "microphone=()", "camera="):
        if power not in permissions:
            found.append(f"Permissions-Policy says nothing of {power}")
    if secure and _seconds(response.get("Strict-Transport-Security", "")) < YEAR:
        found.append(f"Strict-Transport-Security is {response.get('Strict-Transport-Security')!r}, less than a year")
    control = response.get("Cache-Control", "")
    if (personal or response.cookies) and not static and control != "private, no-store":
        found.append(f"Cache-Control is {control!r}, not 'private, no-store', for somebody's own answer")
    if not static and "cookie" not in response.get("Vary", "").lower():
        found.append(f"Vary is {response.get('Vary')!r}, without Cookie")
    return found


def _policy_faults(response: Any) -> list[str]:
    policy = response.get("Content-Security-Policy")
    if not policy:
        return ["no Content-Security-Policy"]
    rules, found = directives(policy), []
    if rules.get("default-src") not in (["'self'"], ["'none'"]):
        found.append(f"default-src is {rules.get('default-src')}")
    if "sandbox" in rules and rules.get("default-src") == ["'none'"]:
        return found  # a file that no browser shows: stricter than ours
    for name, wanted in FIXED.items():
        if rules.get(name) != wanted:
            found.append(f"{name} is {rules.get(name)}, not {wanted}")
    for name in ("script-src", "style-src"):
        values = rules.get(name, [])
        loose = [value for value in values if value in LOOSE]
        if loose or "'self'" not in values:
            found.append(f"{name} is {values}")
    return found + _inline_faults(response, rules)


def _inline_faults(response: Any, rules: dict[str, list[str]]) -> list[str]:
    """Code inside a page needs the answer's own nonce; attributes can't have one, so there are none."""
    if response.streaming or not response.get("Content-Type", "").startswith("text/html"):
        return []
    found, text = [], response.content.decode()
    for tag in INLINE.findall(text):
        nonce = re.search(r'nonce="([^"]+)"', tag)
        source = "script-src" if tag.startswith("<script") else "style-src"
        if "application/json" not in tag and not (nonce and f"'nonce-{nonce[1]}'" in rules.get(source, [])):
            found.append(f"inline code without the nonce of {source}: {tag[:80]}")
    return found + [f"inline attribute: {tag[:80]}" for tag in ATTRIBUTES.findall(text)]


def _seconds(header: str) -> int:
    found = [part.strip().removeprefix("max-age=") for part in header.split(";") if "max-age=" in part]
    return int(found[0]) if found and found[0].isdigit() else 0
