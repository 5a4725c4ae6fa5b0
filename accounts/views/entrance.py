"""Coming in: phone → code → account (D1-a). Known and unknown numbers take the same way to the last step (T37)."""

import re
from typing import Any

from allauth.account import views as allauth_views
from allauth.account.internal.flows.login_by_code import LoginCodeVerificationProcess
from allauth.account.internal.stagekit import clear_login
from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts import joining, limits, phones, selectors, services
from accounts.constants import TERMS_VERSION
from accounts.errors import SmsUnavailable, TooManyCodes
from accounts.fields import add_refusal
from accounts.forms import ConfirmCodeForm, JoinForm, OpenForm, PasswordLoginForm, PhoneForm
from accounts.models import OutboxMessage
from carbon_portal.kernel import regions
from carbon_portal.kernel.errors import DomainError

RESEND_SECONDS = 60
OUTBOX_SHOWN = 30
_HAN = re.compile(r"[\u3400-\u9fff]")


class PortalContext:
    """allauth passes its own `site` (a host name), which would stand in front of the portal's on every page."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)  # type: ignore[misc]
        context.pop("site", None)
        return context


class PhoneLogin(PortalContext, allauth_views.RequestLoginCodeView):
    """手机号 → a code is sent. Whoever has no account yet opens one after the code."""

    template_name = "account/login.html"

    def get_form_class(self) -> type[forms.Form]:
        return PhoneForm

    def _redirect_to_pending_stage(self, request: HttpRequest, stage: Any) -> None:
        """Coming back here means another number: the pending code is void."""
        clear_login(request)

    def prepare(self, form: forms.Form) -> None:
        """What else the form asked for."""
        joining.forget(self.request)

    def form_valid(self, form: forms.Form) -> HttpResponse:
        phone = form.cleaned_data["phone"]
        try:
            limits.consume_code(self.request, phone)
            user = services.open_login(phone=phone)
            LoginCodeVerificationProcess.initiate(request=self.request, user=user, phone=phone)
        except (TooManyCodes, SmsUnavailable) as refusal:
            add_refusal(form, "phone", refusal)
            response = self.form_invalid(form)
            response.status_code = refusal.http_status
            return response
        self.prepare(form)
        return HttpResponseRedirect(self.passthrough_next_url(reverse("account_confirm_login_code")))


class Join(PhoneLogin):
    """Sign-up: phone, city, terms."""

    template_name = "account/signup.html"

    def get_form_class(self) -> type[forms.Form]:
        return JoinForm

    def get_initial(self) -> dict[str, Any]:
        area = regions.by_slug(self.request.GET.get("area", ""))
        city = regions.city_of(area.code) if area else None
        return super().get_initial() | ({"region": city.code} if city else {})

    def prepare(self, form: forms.Form) -> None:
        joining.remember(self.request, phone=form.cleaned_data["phone"], region=form.cleaned_data["region"])


class ConfirmCode(PortalContext, allauth_views.ConfirmLoginCodeView):
    """Six digits. A wrong one costs a try, the fifth wrong one the code."""

    template_name = "account/confirm_login_code.html"

    def get_form_class(self) -> type[forms.Form]:
        return forms.Form if self._action == "resend" else ConfirmCodeForm

    def form_valid(self, form: forms.Form) -> HttpResponse:
        if self._action == "resend":
            try:
                limits.consume_code(self.request, self._process.state["phone"])
            except (TooManyCodes, SmsUnavailable) as refusal:
                messages.error(self.request, refusal.sentence(self.request.LANGUAGE_CODE))
                return HttpResponseRedirect(self.passthrough_next_url(reverse("account_confirm_login_code")))
        response: HttpResponse = super().form_valid(form)
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        state = self._process.state
        left = settings.ACCOUNT_LOGIN_BY_CODE_MAX_ATTEMPTS - state["failed_attempts"]
        return context | {
            "masked_phone": phones.masked(state.get("phone")),
            "attempts_left": left if state["failed_attempts"] else None,
            "resend_seconds": RESEND_SECONDS,
            "next": self.get_next_url() or "",
        }


class PasswordLogin(PortalContext, allauth_views.LoginView):
    """User name and password, the second way in."""

    template_name = "account/login_password.html"

    def get_form_class(self) -> type[forms.Form]:
        return PasswordLoginForm

    def _redirect_to_pending_stage(self, request: HttpRequest, stage: Any) -> None:
        clear_login(request)


class Inactive(PortalContext, allauth_views.AccountInactiveView):
    """Told after the code only."""


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def open_account(request: HttpRequest) -> HttpResponse:
    """City and terms, for a verified phone that has no account yet."""
    user = request.user
    if not user.is_authenticated:
        return redirect("account_login")
    if selectors.person_of(user) is not None:
        return redirect("pages:me")
    form = OpenForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            joining.open_account(user=user, region=form.cleaned_data["region"], name=form.cleaned_data["name"])
        except DomainError as refusal:
            add_refusal(form, None, refusal)
        else:
            messages.success(request, _("账户已开通。"))
            return redirect("pages:welcome")
    return render(request, "account/open.html", {"form": form, "masked_phone": phones.masked(user.phone)})


@require_safe
def terms(request: HttpRequest) -> HttpResponse:
    """The terms and how personal information is handled, in plain words, with their version."""
    return render(request, "account/terms.html", {"version": TERMS_VERSION})


@never_cache
@require_safe
def outbox(request: HttpRequest) -> HttpResponse:
    """What the demo's SMS gateway would have sent. It does not exist outside the demo."""
    if not settings.DEMO:
        raise Http404
    rows = [
        {
            "phone": phones.masked(row.phone),
            "text": row.text,
            # A message keeps the language it was sent in, whatever the page's.
            "lang": "zh-Hans" if _HAN.search(row.text) else "en",
            "at": row.at,
        }
        for row in OutboxMessage.objects.all()[:OUTBOX_SHOWN]
    ]
    return render(request, "account/outbox.html", {"rows": rows})
