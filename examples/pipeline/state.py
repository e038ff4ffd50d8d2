"""The state of the pipeline: plain data only, so that every checkpoint can be read."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from typing_extensions import TypedDict


class Trained(TypedDict):
    """One setting of the search."""

    config: str
    candidate: str
    """Fingerprint of the model; empty if training failed."""
    auc: float
    """On the quarter of the training rows that was held back to choose by."""
    log_loss: float
    error: str


class Ruling(TypedDict):
    """What becomes of a delivery, and why."""

    action: Literal["continue", "quarantine"]
    explanation: str


def merge_trained(known: list[Trained] | None, new: list[Trained] | None) -> list[Trained]:
    """One entry for each setting, in the order of their names; None forgets them all."""
    if new is None:
        return []
    by_config = {each["config"]: each for each in [*(known or []), *new]}
    return [by_config[config] for config in sorted(by_config)]


class PipelineState(TypedDict, total=False):
    """From a delivery to a version in use, or to the reason why not."""

    request: str
    delivery: str
    """Empty if the request names none."""
    checked: bool
    """Whether the delivery could be read at all."""
    problems: list[dict[str, Any]]
    ruling: Ruling
    trained: Annotated[list[Trained], merge_trained]
    chosen: Trained
    evaluation: dict[str, Any]
    card: str
    """The model card, as Markdown."""
    deployed: str
    """The new version; empty if there is none."""
    refusal: str
    """Why nothing was deployed."""
    watch: dict[str, Any]
    rolled_back: str
    """The version that is in use again after a rollback; empty if there was none."""
    answer: str
