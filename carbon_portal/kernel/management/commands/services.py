"""manage.py services start | stop | status: the private PostgreSQL and Valkey."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from carbon_portal.kernel.services import launcher


class Command(BaseCommand):
    help = "启动、停止或查看本机的 PostgreSQL 与 Valkey / start, stop or show the private services"
    requires_system_checks: list[str] = []  # the services come before everything that a check could ask

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["start", "stop", "status"])

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        code = launcher.run(action)
        if code:
            sys.exit(code)
