"""Run a tool as its labels say: at its rate, retried where that is safe, each attempt within its timeout.

The breaker is outermost: a call that is refused takes no turn, and one that was retried in vain counts as one failure.
"""

from __future__ import annotations

from graphwright.tools import Invoke, invoke_tool, with_breaker, with_limits, with_retries, with_timeout

execute: Invoke = with_breaker(with_retries(with_limits(with_timeout(invoke_tool))))
"""Call a tool with validated arguments. Rates and failures are counted over all runs of this process."""
