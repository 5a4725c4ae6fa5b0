"""What is stored of methods: the library, how a version comes into it, and the way it went."""

from .drafts import Draft, DraftEdit, DraftState
from .factors import FactorVintage
from .library import FactorLibrary, Methodology, MethodologyVersion
from .proposals import Proposal, ProposalContact, ProposalCounter, ProposalStep, ProposalSupport
from .review import (
    Acceptance,
    CommentReply,
    Declaration,
    JointAnswer,
    JointReminder,
    JointRequest,
    LocalConfirmation,
    Opinion,
    Publication,
    PublicComment,
    ReviewExpert,
    Withdrawal,
)
from .stages import SimulationOnFile, Stage

__all__ = [
    "Acceptance",
    "CommentReply",
    "Declaration",
    "Draft",
    "DraftEdit",
    "DraftState",
    "FactorLibrary",
    "FactorVintage",
    "JointAnswer",
    "JointReminder",
    "JointRequest",
    "LocalConfirmation",
    "Methodology",
    "MethodologyVersion",
    "Opinion",
    "Proposal",
    "ProposalContact",
    "ProposalCounter",
    "ProposalStep",
    "ProposalSupport",
    "PublicComment",
    "Publication",
    "ReviewExpert",
    "SimulationOnFile",
    "Stage",
    "Withdrawal",
]
