"""Regular expressions for the typed values in a text; every repetition that could run away is bounded."""

from __future__ import annotations

import re

from .lexicon import MONTHS
from .units import UNITS

_NUM = r"\d{1,3}(?:,\d{3}){1,6}(?:\.\d{1,20})?|\d{1,30}(?:\.\d{1,30})?(?:e[+-]?\d{1,3})?|\.\d{1,30}"
_MONTH = "(?:" + "|".join(sorted(MONTHS, key=len, reverse=True)) + ")"
_FULL_MONTH = "(?:" + "|".join(name for name in MONTHS if len(name) > 4 or name in ("june", "july")) + ")"
UNIT = "|".join(sorted((re.escape(u) for u in UNITS), key=len, reverse=True))
SPAN = r"(?:day|year|month|hour|minute|week|mile|foot|inch)s?"
_DAY = "monday|tuesday|wednesday|thursday|friday|saturday|sunday"
_POWER = r"(?:\s?(?:\^|\*\*)\s?\(?-?\d{1,6}\)?|²|³)?"
_CALL = "sin|cos|tan|exp|log|ln|sqrt"
FILE = (
    "csv|txt|json|pdf|png|jpe?g|xlsx?|docx?|py|zip|html|md|wav|mp3|mp4|toml|ya?ml|rst|ini|cfg|log|sh|css|xml|sql|ipynb"
)
"""Endings of files' names."""

_QUOTED = re.compile(
    r"“([^”“]{1,2000})”|‘([^’‘]{1,600})’|\"([^\"\n]{1,2000})\"|`([^`\n]{1,400})`"
    r"|(?<!\w)'((?:[^'\n]|(?<=\w)'(?=\w)){1,600})'(?!\w)"
)
_LIST = re.compile(
    r"\[[^\[\]\n]{0,2000}(?:\[[^\[\]\n]{0,400}\][^\[\]\n]{0,50}){0,50}\]|\{[^{}\n]{1,2000}\}"
    r"|\(\s{0,3}-?\d[\d.]{0,30}(?:\s{0,3},\s{0,3}-?\d[\d.]{0,30}){1,200}\s{0,3}\)"
)
_ADDRESS = re.compile(
    r"https?://[^\s'\"<>]{1,500}[\w/]|(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,5}"
    r"|(?<!\w)(?:[A-Za-z]:)?(?:/[\w.-]{1,100}){2,20}/?"
    rf"|(?<![\w-])(?:[\w.-]{{1,80}}/){{0,8}}[\w-]{{1,80}}\.(?:{FILE})\b"
)
_DATE = re.compile(
    r"\b\d{4}-\d{1,2}-\d{1,2}\b|\b\d{1,2}[/-]\d{1,2}[/-]\d{2,4}\b|\b\d{4}/\d{1,2}/\d{1,2}\b"
    rf"|\b{_MONTH}\.?\s?\d{{1,2}}(?:st|nd|rd|th)?\b(?:,?\s?\d{{4}}\b)?"
    rf"|\b\d{{1,2}}(?:st|nd|rd|th)?\s(?:of\s)?{_MONTH}\b,?(?:\s?\d{{4}}\b)?"
    rf"|\b{_FULL_MONTH}\s\d{{4}}\b"
    r"|\b(?:today|tomorrow|yesterday|tonight)\b"
    rf"|\b(?:next|this|last|coming)\s(?:week(?:end)?|month|year|{_DAY})\b",
    re.I,
)
_TIME = re.compile(r"\b\d{1,2}:\d{2}(?::\d{2})?(?:\s?[ap]\.?m\b\.?)?|\b\d{1,2}\s?[ap]\.?m\b\.?", re.I)
_FORMULA = re.compile(
    rf"(?<![\w.])(?:lambda \w:\s?)?[-+]?\d{{0,12}}\.?\d{{0,12}}\*?(?:{_CALL}|[a-z])"
    rf"(?:\([a-z0-9^*+\- ]{{1,40}}\))?{_POWER}"
    rf"(?:\s?[-+*/]\s?(?:\d{{1,12}}\.?\d{{0,12}}\*?)?(?:(?:{_CALL})\([^()]{{0,40}}\)|[a-z](?![a-z]))?{_POWER}){{0,30}}"
    r"(?:\s?=\s?0\b)?(?!\w)"
)
_CODE = re.compile(
    r"\b[12]\d{3}[-–]\d{2}(?:\d{2})?\b(?!-)"
    r"|(?<![\w/-])(?=[\w/-]{0,60}\d)(?=[\w/-]{0,60}[A-Za-z_])[A-Za-z0-9]{1,60}(?:[-_/][A-Za-z0-9]{1,60}){0,8}\b"
    r"|\b[a-z]{1,40}(?:_[A-Za-z0-9]{1,40}){1,8}\b"
)
_NUMBER = re.compile(
    r"(?P<sign>(?<![\w.)])-\s?|\bminus |\bnegative )?(?P<cur>[$€£¥₹]\s?)?"
    rf"(?P<num>(?:{_NUM}))(?P<ord>st|nd|rd|th)?(?![\d_])"
    r"(?:\s?(?P<mag>hundred|thousand|million|billion|trillion|(?-i:k)|bn|(?(cur)[MBK]|(?!)))\b)?"
    rf"(?P<unit>\s?%|\s?percent\b|\s?degrees?\s(?:celsius|fahrenheit)\b|\s?(?:{UNIT}|K)(?![\w²³^/])|-{SPAN}\b)?(?![A-Za-z_])",
    re.I,
)
_QUOTED_LIST = re.compile(r"\[\s{0,3}(?:(?:'[^'\]\n]{0,200}'|\"[^\"\]\n]{0,200}\")\s{0,3},?\s{0,3}){1,100}\]")
PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("list", _QUOTED_LIST),
    ("quoted", _QUOTED),
    ("list", _LIST),
    ("address", _ADDRESS),
    ("date", _DATE),
    ("time", _TIME),
    ("formula", _FORMULA),
    ("code", _CODE),
    ("number", _NUMBER),
)
"""What is looked for, in this order: what one pattern has taken no later one gets."""
_TITLED = r"[A-Z][\w'’&.-]{0,60}"
NAME = re.compile(
    rf"(?:\b(?:[A-Z]\.){{2,6}}|\b{_TITLED}[\w.]|\b[A-Z]\b)"
    r"(?:\s(?:(?:of|de|la|van|von|du)\s(?:the\s)?(?=[A-Z]))?"
    rf"(?:(?:[A-Z]\.){{2,6}}|{_TITLED}\w|[A-Z]\b\.?|\d{{1,6}}\b(?!\s?[%$]))){{0,12}}"
)
JOINT = re.compile(r"^\s*(?:,\s*(?:and|or|&)?|and|or|&|/|versus|vs\.?)\s*(?:the\s+|an?\s+)?$")
"""What stands between the members of an enumeration."""
