"""Recommend items in real time: events, features, candidates in parallel, a trained ranker, rules, reasons."""

__all__: list[str] = []
