"""The statistics of a series, as programs for the sandbox: each finds `names` and `values` and gives lines of text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

Method = Literal["growth", "trend", "share", "spread"]

_START = """
def shown(x):
    return f"{x:,.2f}" if isinstance(x, float) else f"{x:,}"
lines = []
total = sum(values)
n = len(values)
mean = total / n
"""
_GROWTH = """
changes = [(values[i] / values[i - 1] - 1) * 100 if values[i - 1] else None for i in range(1, n)]
known = [(c, names[i + 1]) for i, c in enumerate(changes) if c is not None]
if values[0]:
    lines.append(f"change from {names[0]} to {names[-1]}: {(values[-1] / values[0] - 1) * 100:+.1f} %")
if known:
    best, worst = max(known), min(known)
    lines.append(f"largest rise: {best[0]:+.1f} % in {best[1]}")
    lines.append(f"largest fall: {worst[0]:+.1f} % in {worst[1]}")
lines.append(f"first: {shown(values[0])}, last: {shown(values[-1])}")
"""
_TREND = """
middle = (n - 1) / 2
spread = sum((i - middle) ** 2 for i in range(n))
slope = sum((i - middle) * (v - mean) for i, v in enumerate(values)) / spread if spread else 0.0
lines.append(f"slope: {slope:+,.2f} for each step")
lines.append(f"mean: {mean:,.2f}")
lines.append(f"next, if the straight line goes on: {mean + slope * (n - middle):,.2f}")
"""
_SHARE = """
ordered = sorted(zip(values, names), key=lambda each: (-each[0], each[1]))
for value, name in ordered:
    lines.append(f"{name}: {value / total * 100:.1f} %" if total else f"{name}: none")
"""
_SPREAD = """
ordered = sorted(zip(values, names))
half = n // 2
median = ordered[half][0] if n % 2 else (ordered[half - 1][0] + ordered[half][0]) / 2
deviation = (sum((v - mean) ** 2 for v in values) / (n - 1)) ** 0.5 if n > 1 else 0.0
lines.append(f"mean: {mean:,.2f}")
lines.append(f"median: {median:,.2f}")
lines.append(f"standard deviation: {deviation:,.2f}")
lines.append(f"smallest: {shown(ordered[0][0])} ({ordered[0][1]})")
lines.append(f"largest: {shown(ordered[-1][0])} ({ordered[-1][1]})")
"""
PROGRAMS: Mapping[str, str] = {
    name: f"{_START}{body}lines"
    for name, body in zip(get_args(Method), (_GROWTH, _TREND, _SHARE, _SPREAD), strict=True)
}
