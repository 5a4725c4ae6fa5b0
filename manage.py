#!/usr/bin/env python3
"""The portal's command line. Picks the database role by command (docs/guide/operator.md)."""

import os
import sys

# `methodology sync` founds what the installation brings along, which the database lets the tables' owner do alone.
FOUNDING = ["methodology", "sync"]
OWNER_COMMANDS = {"migrate", "makemigrations", "sqlmigrate", "showmigrations", "pgtrigger"}
WORKER_COMMANDS = {
    "import_behaviors",
    "quantify_pending",
    "generate_records",
    "rebuild_issuance",
    "seed_demo",
    "verify",
    "methodology",
}


def role_for(argv: list[str]) -> str:
    """The least database role that the named command needs: owner, worker or web."""
    command = argv[1] if len(argv) > 1 else ""
    if command in OWNER_COMMANDS or argv[1:3] == FOUNDING:
        return "owner"
    return "worker" if command in WORKER_COMMANDS else "web"


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "carbon_portal.settings")
    os.environ.setdefault("PORTAL_DB_ROLE", role_for(sys.argv))
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
