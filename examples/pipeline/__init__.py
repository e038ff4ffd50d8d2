"""An ML pipeline: ingest, validate, train in parallel, evaluate by slice, approve, deploy, monitor, roll back."""

__all__: list[str] = []
