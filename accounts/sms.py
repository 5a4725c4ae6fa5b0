"""Text messages leave through a gateway: an interface, and the one that the demo uses.

`settings.SMS_GATEWAY` names the class. A province's own gateway implements `send` against its operator.
"""

import sys
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from carbon_portal.kernel import clock

from .models import OutboxMessage

_OUTBOX_KEPT = 500


class Gateway(Protocol):
    """What the portal asks of a message operator."""

    def send(self, *, phone: str, text: str) -> None:
        """Hand `text` to the operator for `phone` (E.164); `SmsUnavailable` when it is not taken."""


class OutboxGateway:
    """The demo's: a line on the console and a row for the outbox page. Refuses to work outside the demo."""

    def send(self, *, phone: str, text: str) -> None:
        if not settings.DEMO:
            raise RuntimeError("OutboxGateway shows codes to everybody: set SMS_GATEWAY to the province's operator")
        message = OutboxMessage.objects.create(phone=phone, text=text, at=clock.now())
        OutboxMessage.objects.filter(id__lte=message.id - _OUTBOX_KEPT).delete()
        # Not through the log: it masks phone numbers, and here the point is to read the message.
        sys.stdout.write(f"[sms] {phone}: {text}\n")
        sys.stdout.flush()


def gateway() -> Gateway:
    """The gateway that the settings name."""
    made: Gateway = import_string(settings.SMS_GATEWAY)()
    return made
