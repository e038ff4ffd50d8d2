"""Fraud: payments arrive as a stream, a model flags, an investigator gathers evidence, two people agree to freeze."""

__all__: list[str] = []
