"""People and what they belong to.

A *person* is a human being; a *login* (`User`) is one way in; a *participant* is a subject that earns: a resident, a
household or a firm. Everything downstream points at participants and stores opaque uuids.
"""

import uuid

import pgtrigger
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models
from django.db.models import F, Func, Q, Value

from carbon_portal.kernel.append_only import AppendOnly

from .constants import ConsentScene, MeterKind, NoticeKind, OrganisationKind, ParticipantKind, Role


class Person(models.Model):
    """A natural person: one, however many logins (T6). `real_name_hash` is a keyed hash, never the number itself."""

    row_level = True

    uuid = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=50, blank=True)
    region = models.CharField(max_length=6, help_text="GB/T 2260 code of the area the person lives in")
    real_name_hash = models.CharField(max_length=64, null=True, unique=True)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name or str(self.uuid)


class UserManager(BaseUserManager["User"]):
    def create_user(self, username: str, password: str | None = None, **fields: object) -> "User":
        user = self.model(username=username, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser, PermissionsMixin):
    """A login. Residents come in by phone and code, staff by user name and password."""

    username = models.CharField(max_length=60, unique=True)
    phone = models.CharField(max_length=16, null=True, unique=True, help_text="E.164, +86…")
    phone_verified = models.BooleanField(default=False)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="logins", null=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    date_joined = models.DateTimeField(auto_now_add=True)

    objects = UserManager()
    USERNAME_FIELD = "username"

    def __str__(self) -> str:
        return self.username


class Organisation(models.Model):
    """A firm, shop, sponsor or authority. Firms carry the 统一社会信用代码 (GB 32100) with its check character."""

    uuid = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=20, choices=OrganisationKind)
    name = models.CharField(max_length=120)
    credit_code = models.CharField(max_length=18, null=True, unique=True)
    region = models.CharField(max_length=6)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class Household(models.Model):
    """A family: the meter belongs to it, one reading credits it once (D1-b)."""

    row_level = True

    uuid = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=60)
    region = models.CharField(max_length=6)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class HouseholdMember(models.Model):
    """Who belongs to a household, and since when; `left_on` keeps history."""

    household = models.ForeignKey(Household, on_delete=models.PROTECT, related_name="members")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="household_memberships")
    is_head = models.BooleanField(default=False)
    joined_on = models.DateField()
    left_on = models.DateField(null=True)

    class Meta:
        constraints = [
            # A person lives in one household at a time, so that no family bonus is drawn twice.
            models.UniqueConstraint(
                fields=["person"], condition=Q(left_on__isnull=True), name="member_one_household_at_a_time"
            ),
            models.UniqueConstraint(
                fields=["household"], condition=Q(is_head=True, left_on__isnull=True), name="household_one_head"
            ),
        ]


class Meter(models.Model):
    """A supply meter bound to a household or firm. One binding at a time in the whole province."""

    row_level = True

    kind = models.CharField(max_length=12, choices=MeterKind)
    number = models.CharField(max_length=30)
    household = models.ForeignKey(Household, on_delete=models.PROTECT, related_name="meters", null=True)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="meters", null=True)
    region = models.CharField(max_length=6)
    bound_on = models.DateField()
    released_on = models.DateField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "number"], condition=Q(released_on__isnull=True), name="meter_bound_once"
            ),
            # A meter has one owner: a household or a firm, never both.
            models.CheckConstraint(
                name="meter_one_owner",
                condition=Q(household__isnull=False, organisation__isnull=True)
                | Q(household__isnull=True, organisation__isnull=False),
            ),
        ]


class Participant(models.Model):
    """A subject that earns grams and points; the ledger knows it by `uuid`, other systems by `public_id`."""

    uuid = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    public_id = models.CharField(max_length=20, unique=True)
    kind = models.CharField(max_length=12, choices=ParticipantKind)
    region = models.CharField(max_length=6)
    person = models.OneToOneField(Person, on_delete=models.PROTECT, null=True, related_name="participant")
    household = models.OneToOneField(Household, on_delete=models.PROTECT, null=True, related_name="participant")
    organisation = models.OneToOneField(Organisation, on_delete=models.PROTECT, null=True, related_name="participant")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            # The kind says which one subject stands behind the account.
            models.CheckConstraint(
                name="participant_subject_fits_kind",
                condition=Q(kind="resident", person__isnull=False, household__isnull=True, organisation__isnull=True)
                | Q(kind="household", person__isnull=True, household__isnull=False, organisation__isnull=True)
                | Q(kind__in=["sme", "group"], person__isnull=True, household__isnull=True, organisation__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.public_id


class Membership(models.Model):
    """A role that a person holds, per organisation or per region (province, city or county code)."""

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=30, choices=Role)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, null=True, related_name="memberships")
    region = models.CharField(max_length=6, blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["person", "role", "organisation", "region"],
                condition=Q(is_active=True),
                nulls_distinct=False,
                name="membership_once",
            ),
            models.CheckConstraint(
                name="membership_has_scope", condition=Q(organisation__isnull=False) | ~Q(region="")
            ),
        ]


class Delegation(models.Model):
    """A role exercised by a deputy while its holder is away (代办), from day to day, both included.

    Before the four eyes deputy and principal are one person (kernel.approvals), so it joins nobody's two duties.
    """

    uuid = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    principal = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="delegations_given")
    deputy = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="delegations_taken")
    role = models.CharField(max_length=30, choices=Role)
    region = models.CharField(max_length=6)
    starts_on = models.DateField()
    ends_on = models.DateField()
    reason = models.CharField(max_length=200)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended_by = models.UUIDField(null=True, help_text="person")

    class Meta:
        constraints = [
            models.CheckConstraint(name="delegation_two_people", condition=~Q(principal=F("deputy"))),
            models.CheckConstraint(name="delegation_has_days", condition=Q(ends_on__gte=F("starts_on"))),
            # One deputy at a time for each role and area of a person.
            ExclusionConstraint(
                name="delegation_one_deputy",
                expressions=[
                    ("principal", RangeOperators.EQUAL),
                    ("role", RangeOperators.EQUAL),
                    ("region", RangeOperators.EQUAL),
                    (Func("starts_on", "ends_on", Value("[]"), function="daterange"), RangeOperators.OVERLAPS),
                ],
                condition=Q(ended_at__isnull=True),
            ),
        ]
        indexes = [models.Index(fields=["deputy", "ends_on"], name="delegation_by_deputy")]


class Invitation(models.Model):
    """An offer to join a household, or a firm in a role. It names a phone, not a person: whether that phone has an
    account is told to nobody (T37), and nobody joins anything without saying yes."""

    household = models.ForeignKey(Household, on_delete=models.PROTECT, null=True, related_name="invitations")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, null=True, related_name="invitations")
    role = models.CharField(max_length=30, choices=Role, blank=True)
    phone = models.CharField(max_length=16)
    invited_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="invitations_sent")
    created_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    accepted = models.BooleanField(null=True)

    class Meta:
        constraints = [
            # One open invitation per phone and place, however often the button is pressed.
            models.UniqueConstraint(
                fields=["household", "organisation", "role", "phone"],
                condition=Q(answered_at__isnull=True),
                nulls_distinct=False,
                name="invitation_open_once",
            ),
            # A household takes members, a firm takes people in a role.
            models.CheckConstraint(
                name="invitation_one_place",
                condition=Q(household__isnull=False, organisation__isnull=True, role="")
                | (Q(household__isnull=True, organisation__isnull=False) & ~Q(role="")),
            ),
        ]
        indexes = [models.Index(fields=["phone", "answered_at"], name="invitation_by_phone")]


class Provider(models.Model):
    """A source of records: a city system, a metro operator, a utility. Its code is part of each source key."""

    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=120)
    region = models.CharField(max_length=6)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.code


class Consent(AppendOnly):
    """One step of a person's consent to one data scene; the newest step counts (G1-a)."""

    row_level = True

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="consents")
    scene = models.CharField(max_length=20, choices=ConsentScene)
    granted = models.BooleanField()
    text_version = models.CharField(max_length=20)
    at = models.DateTimeField()

    class Meta(AppendOnly.Meta):
        indexes = [models.Index(fields=["person", "scene", "-id"], name="consent_newest")]


class TermsAcceptance(AppendOnly):
    """Which version of the terms a person accepted, and when."""

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="terms")
    version = models.CharField(max_length=20)
    at = models.DateTimeField()

    class Meta(AppendOnly.Meta):
        constraints = [models.UniqueConstraint(fields=["person", "version"], name="terms_once")]


class OutboxMessage(models.Model):
    """What the demo's SMS gateway would have sent; shown on a page in demo mode only."""

    phone = models.CharField(max_length=16)
    text = models.CharField(max_length=300)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]


class Notification(models.Model):
    """A message to one person, in both languages (站内消息). Nobody else reads it, staff neither.

    `key` comes from the business fact, so that whoever sends twice, or after a worker died, says it once.
    """

    row_level = True

    person = models.UUIDField()
    kind = models.CharField(max_length=20, choices=NoticeKind)
    key = models.CharField(max_length=160)
    title_zh = models.CharField(max_length=300)
    title_en = models.CharField(max_length=300)
    body_zh = models.TextField()
    body_en = models.TextField()
    url = models.CharField(max_length=300)
    created_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "key"], name="notification_once_per_fact"),
            # A message leads to a page of this portal, never to another host.
            models.CheckConstraint(name="notification_leads_here", condition=Q(url__regex=r"^/([^/\\\\]|$)")),
            models.CheckConstraint(name="notification_known_kind", condition=Q(kind__in=NoticeKind.values)),
        ]
        indexes = [
            models.Index(fields=["person", "-id"], name="notification_newest"),
            models.Index(fields=["person"], name="notification_unread", condition=Q(read_at__isnull=True)),
        ]
        triggers = [
            # What somebody was told stays as it was told; that it was read is all that is added.
            pgtrigger.ReadOnly(name="says_what_it_said", exclude=["read_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.key}"


class Mailing(models.Model):
    """A message to many on its way: how far it has come through the participants, in the order of their uuids.

    A chunk of messages and the step of `after` are one transaction, so a worker that dies loses nothing.
    """

    key = models.CharField(max_length=120, primary_key=True)
    started_at = models.DateTimeField()
    after = models.UUIDField(null=True, help_text="the last participant that was looked at")
    finished_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.key
