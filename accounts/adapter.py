"""How allauth sees this portal's people: phone and code for residents, user name and password for staff."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import ratelimit
from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from . import joining, selectors, services, sms
from .constants import ADVISER_ROLES, DESK_ROLES, STAFF_ROLES, Role
from .fields import PhoneField
from .models import User


class PortalAccountAdapter(DefaultAccountAdapter):
    """Phone first; codes leave through the SMS gateway."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "account_inactive": gettext_lazy("这个账户已停用。如有疑问，请拨服务热线。"),
        "enter_current_password": gettext_lazy("请输入现在的密码。"),
        "incorrect_code": gettext_lazy("验证码不对，请核对短信里的 6 位数字。"),
        "incorrect_password": gettext_lazy("密码不对。"),
        "invalid_login": gettext_lazy("用户名或密码不对。"),
        "phone_password_mismatch": gettext_lazy("用户名或密码不对。"),
        "rate_limited": gettext_lazy("验证码请求太频繁。同一号码 1 分钟 1 条、一天 5 条，请稍后再试。"),
        "too_many_login_attempts": gettext_lazy("输错次数太多，请稍后再试。账户是安全的。"),
        "username_password_mismatch": gettext_lazy("用户名或密码不对。"),
    }

    # -- phone ---------------------------------------------------------------------------------------------------------

    def phone_form_field(self, **kwargs: Any) -> forms.Field:
        """A field that takes a number however it is written."""
        return PhoneField(**kwargs)

    def get_phone(self, user: User) -> tuple[str, bool] | None:
        """The number of a login, and whether it was verified."""
        return (user.phone, user.phone_verified) if user.phone else None

    def set_phone(self, user: User, phone: str, verified: bool) -> None:
        """A number becomes a login's own by verification only."""
        if verified:
            services.verify_phone(user=user, phone=phone)

    def set_phone_verified(self, user: User, phone: str) -> None:
        """The code came back."""
        services.verify_phone(user=user, phone=phone)

    def get_user_by_phone(self, phone: str) -> User | None:
        """The login of a number, if there is one."""
        return User.objects.filter(phone=phone).first()

    def send_verification_code_sms(self, user: User, phone: str, code: str, **kwargs: Any) -> None:
        """The text starts with the code, so that a lock screen shows it."""
        text = _("%(code)s 是您的登录验证码，5 分钟内有效。工作人员不会向您索要，请勿告诉他人。") % {"code": code}
        sms.gateway().send(phone=phone, text=text)

    def send_unknown_account_sms(self, phone: str, **kwargs: Any) -> None:
        """Never needed: every number gets a code (T37)."""

    def send_account_already_exists_sms(self, phone: str) -> None:
        """Never needed: every number gets a code (T37)."""

    # -- login ---------------------------------------------------------------------------------------------------------

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """allauth's own sign-up is closed; residents join by phone (views/entrance.py)."""
        return False

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse:
        """Whoever filled in the joining form has an account as soon as the code is right."""
        if joining.complete(request, user) and not kwargs.get("redirect_url"):
            kwargs["redirect_url"] = reverse("pages:welcome")
        return super().post_login(request, user, **kwargs)

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Staff to their desk, cashiers to the till, residents home; a login without an account to opening one."""
        user = request.user
        if selectors.person_of(user) is None:
            return reverse("accounts:open")
        roles = selectors.roles_of(user)
        if roles & {role.value for role in ADVISER_ROLES} and not roles & {role.value for role in STAFF_ROLES}:
            return _first_of("pages:todo", otherwise="/staff/")
        if roles & {role.value for role in DESK_ROLES}:
            return _first_of("pilots:dashboard", "pages:staff", otherwise="/staff/")
        if Role.CASHIER.value in roles or (Role.MERCHANT_OWNER.value in roles and Role.RESIDENT.value not in roles):
            return _first_of("merchants:till", otherwise="/till/")
        return _first_of("pages:home", otherwise="/")

    def get_signup_redirect_url(self, request: HttpRequest) -> str:
        """The same desk."""
        return self.get_login_redirect_url(request)

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """Per user name and address: a stranger's wrong guesses do not lock the right person out (T36)."""
        return f"{super()._get_login_attempts_cache_key(request, **credentials)}:{self.get_client_ip(request)}"

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Beside the pair's limit a wide one per user name, which lapses within a minute."""
        super().pre_authenticate(request, **credentials)
        name = str(credentials.get("username", "")).casefold()
        if not ratelimit.consume(request, action="login_failed_account", key=name):
            raise self.validation_error("too_many_login_attempts")


def _first_of(*names: str, otherwise: str) -> str:
    """The first of these pages that is installed."""
    for name in names:
        try:
            return reverse(name)
        except NoReverseMatch:
            continue
    return otherwise
