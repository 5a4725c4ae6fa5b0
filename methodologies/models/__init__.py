"""What is stored of methods: the library, how a version comes into it, and the way it went."""

from .library import FactorLibrary, Methodology, MethodologyVersion
from .stages import SimulationOnFile, Stage

__all__ = ["FactorLibrary", "Methodology", "MethodologyVersion", "SimulationOnFile", "Stage"]
