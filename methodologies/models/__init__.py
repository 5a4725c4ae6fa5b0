"""What is stored of methods: the library, how a version comes into it, and the way it went."""

from .library import FactorLibrary, Methodology, MethodologyVersion
from .review import (
    Acceptance,
    CommentReply,
    Declaration,
    JointAnswer,
    JointReminder,
    JointRequest,
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
    "FactorLibrary",
    "JointAnswer",
    "JointReminder",
    "JointRequest",
    "Methodology",
    "MethodologyVersion",
    "Opinion",
    "PublicComment",
    "Publication",
    "ReviewExpert",
    "SimulationOnFile",
    "Stage",
    "Withdrawal",
]
