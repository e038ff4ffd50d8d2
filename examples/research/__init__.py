"""Research a question in real documents: plan, parallel research, a cited draft, a check, and a person's approval."""

__all__: list[str] = []
