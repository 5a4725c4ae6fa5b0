"""Drafting: one YAML text seen by its parts, changed without touching the rest, and checked as it stands."""
