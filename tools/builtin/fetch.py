"""Fetches one page of the web, and nothing that is nearer than the web.

What a model fetches may be chosen by a text that a stranger wrote, so the address is checked as hostile input: only
http and https, ports 80 and 443, no user names; the name is resolved once, every answer must be a public address, and
the connection goes to exactly the checked one; each redirect passes the same checks; proxies of the environment are
not used; bytes, time, redirects and types are limited. An address with a query is shown to a person first: it is how
a fooled model would send away what it knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from ..context import ToolContext
from ..declare import tool
from .fetch_rules import FetchRules, Page

PLAIN = 200
"""Characters of an address that nobody need look at, if it has no query."""


def carries_data(arguments: Mapping[str, Any]) -> str | None:
    """Why a person should look at an address before it is asked for: a query or a long path can carry data away."""
    url = str(arguments.get("url", ""))
    if "?" in url or len(url) > PLAIN:
        return "The address carries data to another machine: look at what stands in it."
    return None


@tool(
    effect="egress",
    once=False,
    approval=carries_data,
    critical=("url",),
    timeout=30.0,
    breaker=None,
    result_cap=40_000,
)
async def fetch_url(
    url: Annotated[str, Field(min_length=1, description="Whole address, like https://example.org/page.")],
    context: ToolContext,
) -> Page:
    """Fetch one public page of the web and return its text."""
    from .fetching import fetch_page  # an HTTP client: only when a page is fetched

    return await fetch_page(url, context.resources.find(FetchRules) or FetchRules())
