"""How allauth sees this portal's people."""

from allauth.account.adapter import DefaultAccountAdapter


class PortalAccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Phone first; codes leave through the SMS gateway."""
