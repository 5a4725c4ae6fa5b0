"""`manage.py demo_token USERNAME`: a one-hour bearer token of a demo person, for scripts."""

import contextlib
import datetime as dt
import secrets
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.db.models import Q
from oauth2_provider.models import get_access_token_model

from accounts import phones, selectors
from accounts.constants import DESK_ROLES, Role
from accounts.errors import PhoneInvalid
from accounts.models import User
from carbon_portal.kernel import clock, scope
from carbon_portal.kernel.audit import record_event

LIFETIME = dt.timedelta(hours=1)


def scopes_of(user: User) -> list[str]:
    """All scopes that this person's roles carry."""
    roles = selectors.roles_of(user)
    scopes = []
    if selectors.participants_of(user):
        scopes.append("me")
    if roles & {Role.CASHIER.value, Role.MERCHANT_OWNER.value}:
        scopes.append("till")
    if roles & {role.value for role in DESK_ROLES}:
        scopes.append("dashboards")
    return scopes


class Command(BaseCommand):
    help = "Print a one-hour bearer token of a demo person (user name or phone). Refuses outside the demo."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username", help="a user name or phone of var/demo-accounts.json")

    def handle(self, *args: Any, username: str, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("demo_token works in the demo only (只在演示环境可用)")
        login = find_login(username)
        with scope.scoped(login):
            token = issue(login)
        self.stdout.write(token)


def find_login(name: str) -> User:
    """The active login with this user name or phone; a sentence when there is none."""
    wanted = Q(username=name)
    with contextlib.suppress(PhoneInvalid):  # it is a user name then
        wanted |= Q(phone=phones.normalise(name))
    user = User.objects.filter(wanted, is_active=True).first()
    if user is None:
        raise CommandError(f"no login called {name!r}; the demo's people are in var/demo-accounts.json (没有这个用户)")
    return user


@transaction.atomic
def issue(user: User) -> str:
    """A new token with all scopes of the person. It is shown once; the audit event does not hold it."""
    scopes = scopes_of(user)
    if not scopes:
        raise CommandError(f"{user.username} holds no role that the API serves (没有可用的接口权限)")
    token = secrets.token_urlsafe(32)
    get_access_token_model().objects.create(
        user=user, token=token, expires=clock.now() + LIFETIME, scope=" ".join(scopes), application=None
    )
    record_event(
        verb="token.issued", target=f"user:{user.pk}", actor=user.person_id, data={"scopes": scopes, "by": "demo_token"}
    )
    return token
