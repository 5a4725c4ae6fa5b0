"""Where one is logged in, and the way to end the rest."""

from typing import Any

from allauth.usersessions.views import ListUserSessionsView

from accounts.devices import device_name


class Sessions(ListUserSessionsView):
    """allauth's list with devices by name."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        for session in context["sessions"]:
            session.device = device_name(session.user_agent)
        return context
