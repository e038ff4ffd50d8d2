"""What the graph may do: note events, keep features, look for candidates, rank them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from graphwright.tools import IdempotencyKey, ToolContext, ToolFailed, ToolUnavailable, WithArtifact, tool

from .profile import Profile
from .shop import Shop

if TYPE_CHECKING:
    from .engine import Engine

User = Annotated[str, Field(pattern=r"^u-\d{1,6}$", description="User, like u-17.")]
ItemId = Annotated[str, Field(pattern=r"^i-\d{1,6}$", description="Item, like i-203.")]
Kind = Literal["viewed", "added", "bought"]


@tool(effect="write", once=False, critical=("user", "item"), reversible=True, trusted=True)
def record_event(
    user: User,
    item: ItemId,
    kind: Annotated[Kind, Field(description="What the user did with the item.")],
    *,
    key: IdempotencyKey,
    context: ToolContext,
) -> str:
    """Record that a user viewed, added or bought an item."""
    shop = _shop(context)
    if item not in shop.items:
        raise ToolFailed(f"There is no item {item!r} in the catalogue. Items are i-1 to i-{len(shop.items)}.")
    context.check()
    count = shop.add_event(user, item, kind, key)
    return f"{user} {kind} {item}; {count} live events of {user}."


@tool(effect="write", once=False, reversible=True, trusted=True)
def refresh_features(user: User, *, context: ToolContext) -> WithArtifact:
    """Compute what is known of a user anew from the events, and store it."""
    context.check()
    return _known(_shop(context).refresh(user))


@tool(effect="read", trusted=True)
def find_features(user: User, *, context: ToolContext) -> WithArtifact:
    """Look up what is known of a user."""
    return _known(_shop(context).profile(user))


@tool(effect="read", trusted=True)
def find_nearest(
    user: User,
    liking: Annotated[str, Field(max_length=200, description="What a new user likes, in words.")] = "",
    *,
    context: ToolContext,
) -> WithArtifact:
    """Find the items whose vectors are nearest to what a user looks at, or to what a new user likes."""
    from graphwright.retrieval import KnowledgeBaseBusy

    shop = _shop(context)
    try:
        return _told(_engine(shop).near(shop.profile(user), liking))
    except KnowledgeBaseBusy as error:
        raise ToolUnavailable(f"The vectors are in use elsewhere: {error}") from error


@tool(effect="read", trusted=True)
def find_seen_together(user: User, *, context: ToolContext) -> WithArtifact:
    """Find the items that others saw together with what a user looks at."""
    shop = _shop(context)
    return _told(_engine(shop).together(shop.profile(user)))


@tool(effect="read", trusted=True)
def find_popular(*, context: ToolContext) -> WithArtifact:
    """Find the items that most people look at."""
    return _told(_engine(_shop(context)).popular())


@tool(effect="read", trusted=True)
def rank_items(
    user: User,
    items: Annotated[list[str], Field(description="The candidates.")],
    near: Annotated[dict[str, float], Field(description="Nearness of items to the words of a new user.")],
    count: Annotated[int, Field(ge=1, le=20, description="How many to show.")] = 10,
    max_price: Annotated[float | None, Field(gt=0, description="Euros at most.")] = None,
    *,
    context: ToolContext,
) -> WithArtifact:
    """Rank candidates for a user, keep to the rules of the shop, and say what made each score."""
    from .reasons import reasons_for
    from .rules import Limits, choose

    shop = _shop(context)
    engine, profile = _engine(shop), shop.profile(user)
    choice = choose(engine.rank(profile, items, near), shop.items, profile, Limits(count=count, max_price=max_price))
    shown = [
        {
            "item": each.item,
            "name": shop.items[each.item].name,
            "price": shop.items[each.item].price,
            "score": each.score,
            "parts": dict(each.parts),
            "reasons": reasons_for(each, engine, profile),
        }
        for each in choice.kept
    ]
    told = f"Shown, best first: {', '.join(each.item for each in choice.kept) or 'nothing'}."
    return WithArtifact(told, {"shown": shown, "dropped": choice.dropped})


def _known(profile: Profile) -> WithArtifact:
    """The numbers for whoever reads; all of it for the graph."""
    told = f"{profile['events']} events, {len(profile['history'])} items, {len(profile['bought'])} of them bought."
    return WithArtifact(f"{profile['user']}: {told}", dict(profile))


def _told(found: dict[str, float]) -> WithArtifact:
    """The best few for whoever reads; all of them for the graph."""
    best = ", ".join(f"{item} ({score:.2f})" for item, score in [*found.items()][:5])
    return WithArtifact(f"{len(found)} items{': ' + best if best else ''}", dict(found))


def _shop(context: ToolContext) -> Shop:
    return context.resources.get(Shop)


def _engine(shop: Shop) -> Engine:
    from .ranking import MissingExtra

    try:
        return shop.engine
    except MissingExtra as error:
        raise ToolFailed(str(error)) from error
