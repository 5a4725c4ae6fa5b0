"""`var/demo-accounts.json` (mode 0600): who can log in to the demo, with generated secrets."""

import json
import os
import secrets
from pathlib import Path
from typing import Any

from oauth2_provider.models import get_application_model


def read_passwords(path: Path) -> dict[str, str]:
    """Passwords of an earlier run by user name, so that a second seed keeps them."""
    if not path.exists():
        return {}
    known = json.loads(path.read_text(encoding="utf-8"))
    return {person["username"]: person["password"] for person in known["people"] if person["password"]}


def read_clients(path: Path) -> list[dict[str, Any]]:
    """API clients of an earlier run; their secrets are hashed in the database and can't be read back."""
    if not path.exists():
        return []
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8")).get("api_clients", [])
    return found


def ensure_client(clients: list[dict[str, Any]], *, region: str, scopes: list[str]) -> list[dict[str, Any]]:
    """One client-credentials application per region, made where the file or the database does not know it."""
    application = get_application_model()
    for client in clients:
        if client["region"] == region and application.objects.filter(client_id=client["client_id"]).exists():
            return clients
    secret = secrets.token_urlsafe(32)
    made = application.objects.create(
        name=f"demo-{region}",
        client_type=application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=application.GRANT_CLIENT_CREDENTIALS,
        client_secret=secret,
    )
    entry = {"region": region, "client_id": made.client_id, "client_secret": secret, "scopes": scopes}
    return [client for client in clients if client["region"] != region] + [entry]


def write(path: Path, *, url: str, people: list[dict[str, str]], api_clients: list[dict[str, Any]]) -> None:
    """Write through a temporary file, so that a reader never finds half of it."""
    text = json.dumps({"url": url, "people": people, "api_clients": api_clients}, ensure_ascii=False, indent=2)
    temporary = path.with_suffix(".tmp")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text + "\n")
    os.replace(temporary, path)
