"""Pages of recomputations: the choice, its preview, the decision, the report; the notice to people."""
