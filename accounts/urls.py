"""Addresses of this app. allauth's pages keep allauth's names, so those we show are listed one by one."""

from allauth.account import views as allauth_views
from django.urls import include, path

from .views import consents, delegations, entrance, firms, household, inbox, sessions

own = [
    path("account/open/", entrance.open_account, name="open"),
    path("terms/", entrance.terms, name="terms"),
    path("demo/outbox/", entrance.outbox, name="outbox"),
    path("me/messages/", inbox.inbox, name="inbox"),
    path("me/messages/read/", inbox.read_all, name="inbox-read"),
    path("me/messages/<int:pk>/read/", inbox.read_one, name="notice-read"),
    path("staff/messages/", inbox.desk_inbox, name="desk-inbox"),
    path("me/consents/", consents.consents, name="consents"),
    path("me/consents/<slug:scene>/", consents.set_consent, name="set-consent"),
    path("me/household/", household.household, name="household"),
    path("me/household/invite/", household.invite, name="household-invite"),
    path("me/household/meters/", household.bind_meter, name="meter-bind"),
    path("me/household/members/<uuid:uuid>/end/", household.end_membership, name="member-end"),
    path("me/household/members/<uuid:uuid>/head/", household.hand_over, name="member-head"),
    path("me/household/invitations/<int:pk>/withdraw/", household.withdraw_invitation, name="invitation-withdraw"),
    path("me/meters/<int:pk>/release/", household.release_meter, name="meter-release"),
    path("me/invitations/<int:pk>/", household.answer_invitation, name="invitation-answer"),
    path("staff/delegations/", delegations.delegations, name="delegations"),
    path("staff/delegations/<uuid:uuid>/end/", delegations.end_delegation, name="delegation-end"),
    path("me/firms/", firms.firms, name="firms"),
    path("me/firms/new/", firms.firm_new, name="firm-new"),
    path("me/firms/<uuid:uuid>/", firms.firm, name="firm"),
    path("me/firms/<uuid:uuid>/invite/", firms.firm_invite, name="firm-invite"),
    path("me/firms/<uuid:uuid>/meters/", firms.firm_meter, name="firm-meter"),
    path("me/firms/<uuid:uuid>/staff/<int:pk>/end/", firms.firm_revoke, name="firm-revoke"),
    path("me/firms/<uuid:uuid>/invitations/<int:pk>/withdraw/", firms.firm_withdraw, name="firm-withdraw"),
]

login = [
    path("login/", entrance.PhoneLogin.as_view(), name="account_login"),
    path("login/code/", entrance.PhoneLogin.as_view(), name="account_request_login_code"),
    path("login/code/confirm/", entrance.ConfirmCode.as_view(), name="account_confirm_login_code"),
    path("login/password/", entrance.PasswordLogin.as_view(), name="account_login_password"),
    path("signup/", entrance.Join.as_view(), name="account_signup"),
    path("logout/", allauth_views.logout, name="account_logout"),
    path("inactive/", entrance.Inactive.as_view(), name="account_inactive"),
    path("reauthenticate/", allauth_views.reauthenticate, name="account_reauthenticate"),
    path("password/change/", allauth_views.password_change, name="account_change_password"),
    path("password/set/", allauth_views.password_set, name="account_set_password"),
    path("sessions/", sessions.Sessions.as_view(), name="usersessions_list"),
]

urlpatterns = [
    path("", include((own, "accounts"))),
    path("account/", include(login)),
]
