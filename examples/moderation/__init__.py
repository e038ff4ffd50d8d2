"""Content moderation: independent reviewers, a quorum, a person for what is borderline, an appeal, an audit trail."""

__all__: list[str] = []
