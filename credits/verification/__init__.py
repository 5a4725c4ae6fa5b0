"""Verifications on a sample: pages for the public, for officers and for the verifier."""
