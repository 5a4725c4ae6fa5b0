"""The independent audit (integrity.md 1.3): plain SQL that shares no code with the services."""
