"""One agent with the built-in tools and your own: the shortest way to try a tool or a model."""

__all__: list[str] = []
