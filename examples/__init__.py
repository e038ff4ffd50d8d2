"""Runnable systems, one folder each; `graphwright run NAME` runs one after `pip install` too."""

__all__: list[str] = []
