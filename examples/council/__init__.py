"""A design document is reviewed by three, revised, checked, and written once a person approves."""

__all__: list[str] = []
