"""Profiles: which rules are in force. Order decides only which rule is named first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from .context import Rule
from .rule_destructive import destructive
from .rule_irreversible import irreversible
from .rule_links import foreign_links
from .rule_plan import plan_always, plan_lock
from .rule_private import private_values
from .rule_provenance import provenance
from .rule_roles import roles

Profile = Literal["observe", "default", "strict"]

DEFAULT: tuple[Rule, ...] = (roles, plan_lock, destructive, provenance, private_values, foreign_links)
STRICT: tuple[Rule, ...] = (roles, plan_always, destructive, provenance, private_values, foreign_links, irreversible)

PROFILES: Mapping[str, tuple[Rule, ...]] = {"observe": DEFAULT, "default": DEFAULT, "strict": STRICT}
"""``observe`` records what the default rules would say, and lets everything through."""
