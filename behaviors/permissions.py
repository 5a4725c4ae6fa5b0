"""Who may do what with a record."""

from accounts.constants import Role
from accounts.models import HouseholdMember, Membership, Participant, Person

FIRM_ROLES = (Role.SME_OWNER, Role.SME_CLERK)


def may_act_for(person: Person, participant: Participant) -> bool:
    """The resident, a member of the household, or an owner or clerk of the firm."""
    if participant.person_id is not None:
        return participant.person_id == person.pk
    if participant.household_id is not None:
        return HouseholdMember.objects.filter(
            household=participant.household_id, person=person, left_on__isnull=True
        ).exists()
    return Membership.objects.filter(
        organisation=participant.organisation_id, person=person, role__in=FIRM_ROLES, is_active=True
    ).exists()
