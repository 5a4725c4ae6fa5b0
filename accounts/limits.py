"""How many codes leave the house (T38): per number, per address, per session, and in all.

The counters are allauth's, the figures stand in `settings.ACCOUNT_RATE_LIMITS`.
"""

import logging

from allauth.core import ratelimit
from django.http import HttpRequest

from .errors import SmsUnavailable, TooManyCodes

log = logging.getLogger(__name__)
_SESSION_KEY = "codes_requested_by"


def consume_code(request: HttpRequest, phone: str) -> None:
    """Count one code for this number; `TooManyCodes` before anything is sent, alike for known and unknown numbers."""
    if not ratelimit.consume(request, action="codes_of_session", key=_session_name(request)):
        raise TooManyCodes
    if not ratelimit.consume(request, action="request_login_code", key=phone):
        raise TooManyCodes
    if not ratelimit.consume(request, action="codes_in_all", key="all"):
        log.error("the ceiling on text messages is reached: somebody is emptying the account, or it is too low")
        raise SmsUnavailable


def _session_name(request: HttpRequest) -> str:
    if request.session.session_key is None:
        request.session[_SESSION_KEY] = True  # so that the session is kept and counts
        request.session.save()
    return str(request.session.session_key)
