"""The only code that writes people, households, firms, roles and consents: one transaction each, audited."""

from .delegations import delegate_role, end_delegation
from .enrolment import NewFamily, NewFirm, NewResident, create_households, register_residents, register_smes
from .households import add_household_member, create_household, end_household_membership, hand_over_household
from .invitations import answer_invitation, invite, withdraw_invitation
from .meters import bind_meter, meter_number, release_meter
from .notices import Audience, Notice, all_told, is_told, mark_all_read, mark_read, notify, notify_many, notify_staff
from .organisations import grant_role, register_organisation, register_sme, revoke_role
from .people import (
    accept_terms,
    confirm_identity,
    open_account,
    open_login,
    open_participant,
    register_resident,
    register_staff,
    rename_person,
    set_consent,
    verify_phone,
)

__all__ = [
    "Audience",
    "NewFamily",
    "NewFirm",
    "NewResident",
    "Notice",
    "accept_terms",
    "add_household_member",
    "all_told",
    "answer_invitation",
    "bind_meter",
    "confirm_identity",
    "create_household",
    "create_households",
    "delegate_role",
    "end_delegation",
    "end_household_membership",
    "grant_role",
    "hand_over_household",
    "invite",
    "is_told",
    "mark_all_read",
    "mark_read",
    "meter_number",
    "notify",
    "notify_many",
    "notify_staff",
    "open_account",
    "open_login",
    "open_participant",
    "register_organisation",
    "register_resident",
    "register_residents",
    "register_sme",
    "register_smes",
    "register_staff",
    "release_meter",
    "rename_person",
    "revoke_role",
    "set_consent",
    "verify_phone",
    "withdraw_invitation",
]
