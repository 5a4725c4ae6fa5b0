"""Predicates and the gate in front of views."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from carbon_portal.kernel.errors import Forbidden

from . import selectors
from .constants import DESK_ROLES, STAFF_ROLES, Role
from .models import Person

View = Callable[Concatenate[HttpRequest, ...], HttpResponseBase]


def login_required_with_role(*roles: str) -> Callable[[View], View]:
    """Lets in whoever holds one of the roles; others get 403 in words, visitors the login page and then come back."""
    wanted = [Role(role) for role in roles]

    def decorator(view: View) -> View:
        @wraps(view)
        def gate(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            if not selectors.has_role(request.user, *wanted):
                raise Forbidden
            return view(request, *args, **kwargs)

        return gate

    return decorator


def acting(request: HttpRequest) -> Person:
    """The person who acts, behind a gate for roles: roles are held by people. Errors: Forbidden."""
    found = selectors.person_of(request.user)
    if found is None:
        raise Forbidden
    return found


staff_required = login_required_with_role(*STAFF_ROLES)
# Staff and those who advise them: experts, departments, research institutes, verifiers.
desk_required = login_required_with_role(*DESK_ROLES)


def account_required(view: View) -> View:
    """Lets in a login with an open account; a login without one is led to the page that opens it."""

    @wraps(view)
    def gate(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        if selectors.person_of(request.user) is None:
            return redirect_to_login(request.get_full_path(), login_url="accounts:open")
        return view(request, *args, **kwargs)

    return gate
