"""What is stored of methods: the library, and how a version comes into it."""

from .library import FactorLibrary, Methodology, MethodologyVersion

__all__ = ["FactorLibrary", "Methodology", "MethodologyVersion"]
