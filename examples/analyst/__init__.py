"""Analyst: questions about a shop's figures, answered by a planned team: SQL, statistics in a sandbox, charts."""

__all__: list[str] = []
