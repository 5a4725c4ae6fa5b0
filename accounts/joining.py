"""What a visitor filled in before the code was sent: kept in the session until the number is verified."""

from django.http import HttpRequest

from carbon_portal.kernel import clock

from . import services
from .models import User

_KEY = "joining"


def remember(request: HttpRequest, *, phone: str, region: str) -> None:
    """Keep the choice; the terms were accepted on the same form."""
    request.session[_KEY] = {"phone": phone, "region": region}


def forget(request: HttpRequest) -> None:
    """Somebody came to log in, not to join."""
    request.session.pop(_KEY, None)


def complete(request: HttpRequest, user: User) -> bool:
    """Open the account of a login that has none. True when one was opened now."""
    wish = request.session.pop(_KEY, None)
    if not wish or user.person_id or wish["phone"] != user.phone:
        return False
    open_account(user=user, region=wish["region"])
    return True


def open_account(*, user: User, region: str, name: str = "") -> None:
    """Account and accepted terms, together."""
    at = clock.now()
    services.open_account(user=user, region=region, name=name, at=at, terms_accepted=True)
