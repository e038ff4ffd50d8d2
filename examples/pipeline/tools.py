"""What the pipeline may do. Every effect is repeatable with its key, and can be undone; deployment asks a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import Field

from graphwright.tools import ApprovalRules, IdempotencyKey, ToolContext, ToolFailed, WithArtifact, tool

from .plant import Plant
from .registry import Outdated, UnknownVersion

if TYPE_CHECKING:
    from .tables import Rows

T = TypeVar("T")
Name = Annotated[str, Field(pattern=r"^[a-z][a-z-]{1,40}$", description="Name of the delivery, like clean.")]
Config = Literal["logistic-strong", "logistic", "boosted-20", "boosted-60", "boosted-deep"]
Candidate = Annotated[str, Field(pattern=r"^[0-9a-f]{12}$", description="Fingerprint of a trained candidate.")]
Version = Annotated[str, Field(pattern=r"^v\d{1,6}$", description="A version of the registry, like v2.")]


@tool(effect="read", trusted=True)
def check_delivery(delivery: Name, *, context: ToolContext) -> WithArtifact:
    """Check a delivery's schema, types, blanks, repeats, leakage and drift; cells are counted, never quoted."""
    from .checks import find_problems

    plant = _plant(context)
    tables = {part: _table(plant, delivery, part) for part in ("train", "test")}
    problems = find_problems(tables, plant.reference())
    told = "; ".join(f"{each['text']} ({each['severity']})" for each in problems)
    return WithArtifact(f"{len(problems)} problems{': ' + told if told else ''}.", problems)


@tool(effect="write", once=False, critical=("delivery",), reversible=True, trusted=True)
def quarantine_delivery(
    delivery: Name,
    explanation: Annotated[str, Field(max_length=2_000, description="Why, for whoever sent the delivery.")],
    *,
    context: ToolContext,
) -> str:
    """Put a delivery into quarantine with what is wrong with it, so that nothing is trained on it."""
    from .checks import find_problems

    plant = _plant(context)
    tables = {part: _table(plant, delivery, part) for part in ("train", "test")}
    context.check()
    plant.quarantine(delivery, find_problems(tables, plant.reference()), explanation)
    return f"{delivery} is in quarantine."


@tool(effect="write", once=False, reversible=True, trusted=True, timeout=300)
def train_candidate(delivery: Name, config: Config, *, context: ToolContext) -> WithArtifact:
    """Train one setting on three quarters of the training rows, measure it on the rest, and keep the candidate."""
    from .evaluating import quality
    from .models import MissingExtra, fingerprint, fit, split

    plant = _plant(context)
    fitted, held = split(_table(plant, delivery, "train").without_repeats())
    try:
        model = fit(config, fitted)
    except MissingExtra as error:
        raise ToolFailed(str(error)) from error
    name, found = fingerprint(model), quality(model, held)
    context.check()
    plant.registry.keep_candidate(name, model)
    return WithArtifact(f"{config}: AUC {found['auc']:.3f}, candidate {name}.", {"candidate": name, **found})


@tool(effect="read", trusted=True)
def evaluate_candidate(delivery: Name, candidate: Candidate, *, context: ToolContext) -> WithArtifact:
    """Measure a candidate on the test rows, on the whole and by slice, beside the baseline and the version in use."""
    from .evaluating import evaluate

    plant = _plant(context)
    version = plant.registry.current()
    model, in_use = _known(lambda: plant.registry.candidate(candidate)), plant.registry.model(version)
    found = evaluate(model, in_use, _table(plant, delivery, "test"))
    told = f"AUC {found['overall']['auc']:.3f}; {version} has {found['in_use']['auc']:.3f}."
    return WithArtifact(told, {**found, "version_in_use": version})


def _asks(arguments: Mapping[str, Any]) -> ApprovalRules:
    """Who is asked about a deployment, and the head of the card as the reason."""
    card = str(arguments.get("card", ""))
    head = " ".join(line for line in card.splitlines() if line and not line.startswith(("#", "|", "-")))[:500]
    reason = f"Puts a new model in use for all customers. {head} The whole card is among the arguments."
    return ApprovalRules(reason, roles=("ml-lead",))


@tool(
    effect="write",
    once=False,
    approval=_asks,
    decisions=("approve", "reject"),
    critical=("candidate",),
    reversible=True,
    trusted=True,
)
def deploy_model(
    candidate: Candidate,
    delivery: Name,
    replaces: Annotated[Version, Field(description="The version in use, with which it was compared.")],
    card: Annotated[str, Field(min_length=1, description="The model card, as Markdown.")],
    *,
    key: IdempotencyKey,
    context: ToolContext,
) -> WithArtifact:
    """Make a version of a candidate with its model card, and put it in use."""
    registry = _plant(context).registry
    context.check()
    version = _known(lambda: registry.deploy(candidate, card, source=delivery, replaces=replaces, key=key))
    return WithArtifact(f"{version} is in use.", {"version": version})


@tool(effect="read", trusted=True)
def watch_version(
    version: Version,
    delivery: Name,
    expected: Annotated[float, Field(ge=0, le=1, description="The AUC on the test rows.")],
    *,
    context: ToolContext,
) -> WithArtifact:
    """Score the batch that came after deployment, and hold its quality and drift against what was promised."""
    from .evaluating import watch

    plant = _plant(context)
    train, later = (_table(plant, delivery, part) for part in ("train", "later"))
    found = watch(_known(lambda: plant.registry.model(version)), expected, train, later)
    told = f"AUC {found['auc']:.3f}, {expected:.3f} was expected; gates failed: {'; '.join(found['failed']) or 'none'}."
    return WithArtifact(told, dict(found))


@tool(effect="write", once=False, critical=("bad", "good"), reversible=True, trusted=True)
def roll_back(
    bad: Version,
    good: Version,
    reason: Annotated[str, Field(max_length=1_000, description="Which gates failed.")],
    *,
    context: ToolContext,
) -> str:
    """Take a version out of use and put the one before it in use again."""
    registry = _plant(context).registry
    context.check()
    changed = _known(lambda: registry.roll_back(bad, good))
    return f"{good} is in use again." if changed else f"{bad} was not in use; {registry.current()} is."


def _plant(context: ToolContext) -> Plant:
    return context.resources.get(Plant)


def _table(plant: Plant, delivery: str, part: str) -> Rows:
    from .tables import Unreadable

    try:
        return plant.table(delivery, part)
    except Unreadable as error:
        raise ToolFailed(f"The delivery cannot be read: {error}") from error


def _known(find: Callable[[], T]) -> T:
    try:
        return find()
    except (Outdated, UnknownVersion) as error:
        raise ToolFailed(str(error)) from error
