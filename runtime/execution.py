"""Run a tool as its labels say: at its rate, retried where that is safe, each attempt within its timeout."""

from __future__ import annotations

from graphwright.tools import Invoke, invoke_tool, with_limits, with_retries, with_timeout

execute: Invoke = with_retries(with_limits(with_timeout(invoke_tool)))
"""Call a tool with validated arguments. Rates are counted over all runs of this process."""
