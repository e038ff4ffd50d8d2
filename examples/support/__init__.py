"""A customer-support desk: triage hands over to billing, technical and account, who work on an order database."""

__all__: list[str] = []
