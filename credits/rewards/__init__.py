"""The desk's page of a reward for an adopted idea."""
