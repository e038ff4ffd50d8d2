"""What secrets look like that are not ours: keys of well-known services, tokens, card and account numbers.

Hostile text must cost linear time. So every quantifier is bounded, a repeat that something must follow cannot overlap
with itself from another start, and a pattern is tried only on text that holds one of its literal words.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

Span = tuple[int, int]
SHORTEST_NUMBER = 12
"""Characters of the shortest text that a pattern without words is tried on: there is no shorter card or IBAN."""


def _whole(match: re.Match[str]) -> Span | None:
    return match.span()


def _first_group(match: re.Match[str]) -> Span | None:
    return match.span(1)


@dataclass(frozen=True, slots=True)
class Pattern:
    """One kind of secret."""

    name: str
    """What the mark says: ``[redacted:name]``."""
    regex: re.Pattern[str]
    words: tuple[str, ...] = ()
    """Lower-case text, one of which must occur (in whatever case) before the expression is tried; none: always."""
    span: Callable[[re.Match[str]], Span | None] = _whole
    """Which part of a match is secret; None if a check (sum, digits) says that it is none."""

    def may_be_in(self, lowered: str) -> bool:
        """Whether the expression is worth trying on the text that is this in lower case."""
        for word in self.words:  # a loop, not any(): this is asked for every text that is logged
            if word in lowered:
                return True
        return not self.words and len(lowered) >= SHORTEST_NUMBER

    def find(self, text: str) -> Iterator[Span]:
        """The secret parts of ``text``."""
        for match in self.regex.finditer(text):
            if found := self.span(match):
                yield found


def _with_digit(number: int = 0) -> Callable[[re.Match[str]], Span | None]:
    """Words are not tokens: there must be a digit and a letter in the group."""

    def span(match: re.Match[str]) -> Span | None:
        token = match[number]
        mixed = any(each.isdigit() for each in token) and any(each.isalpha() for each in token)
        return match.span(number) if mixed else None

    return span


_BODY = re.compile(r"[A-Za-z0-9]{16}")


def _key_body(match: re.Match[str]) -> Span | None:
    """``sk-`` begins ordinary words too: a key has digits and a long run without separators."""
    return _with_digit()(match) if _BODY.search(match[0]) else None


def _header(match: re.Match[str]) -> Span | None:
    """After a scheme a long word is a token too; without one it may be the word "required"."""
    return match.span(2) if match[1] and len(match[2]) >= 16 else _with_digit(2)(match)


def _url_password(match: re.Match[str]) -> Span | None:
    """Not a place to fill in (``${PASSWORD}``, ``{password}``) and not stars."""
    return None if match[1][0] in "${" or not match[1].strip("*") else match.span(1)


def _basic(match: re.Match[str]) -> Span | None:
    """The two words "basic understanding" are no credentials: those decode to ``user:password``."""
    token = match[1].rstrip("=")
    try:
        decoded = base64.b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        return None
    return match.span(1) if b":" in decoded and decoded.isascii() else None


_CARD = re.compile(
    r"4[0-9]{12}(?:[0-9]{3}(?:[0-9]{3})?)?|5[1-5][0-9]{14}|2(?:22[1-9]|2[3-9][0-9]|[3-6][0-9]{2}|7[01][0-9]|720)[0-9]{12}"
    r"|3[47][0-9]{13}|3(?:0[0-5]|[689][0-9])[0-9]{11}|35(?:2[89]|[3-8][0-9])[0-9]{12,15}"
    r"|(?:6011|64[4-9][0-9]|65[0-9]{2}|62[0-9]{2})[0-9]{12,15}"
)
_DOUBLED = bytes.maketrans(b"0123456789", b"0246813579")


def is_card(digits: str) -> bool:
    """Whether the digits are those of a payment card: a known issuer's, of its length, with a right Luhn sum."""
    if not _CARD.fullmatch(digits):
        return False
    reverse = digits.encode()[::-1]
    total = sum(reverse[::2]) + sum(reverse[1::2].translate(_DOUBLED)) - ord("0") * len(reverse)
    return total % 10 == 0


def _plain_card(match: re.Match[str]) -> Span | None:
    return match.span() if is_card(match[0]) else None


def _grouped_card(match: re.Match[str]) -> Span | None:
    """Groups as printed on cards; a further short group may belong to it (19 digits) or be another number."""
    start = match.start()
    for end in (match.end(1), match.start(3)):
        if end > start and is_card(match.string[start:end].replace(match[2], "")):
            return start, end
    return None


IBAN_LENGTHS = {
    country: int(length)
    for length, countries in (
        line.split(":")
        for line in (
            "15:NO", "16:BE BI", "18:DK FI FO GL NL SD", "19:MK SI", "20:AT BA EE KZ LT LU MN XK", "21:CH CR HR LI LV",
            "22:BG BH DE GB GE IE ME RS VA", "23:AE GI IL IQ OM SO TL", "24:AD CZ DZ ES MD PK RO SA SE SK TN VG",
            "25:LY PT ST", "26:IS TR", "27:BF CM CV DJ FR GR IT MC MR SM", "28:AL AZ BY CY DO GT HN HU LB NI PL SV",
            "29:BR EG PS QA UA", "30:JO KW MU YE", "31:MT SC", "32:LC", "33:RU",
        )
    )
    for country in countries.split()
}  # fmt: skip
"""Characters of an account number by country (ISO 13616)."""
_LETTERS = {ord("A") + number: str(10 + number) for number in range(26)}


def _iban(match: re.Match[str]) -> Span | None:
    start, text = match.start(), match.string
    length = IBAN_LENGTHS.get(text[start : start + 2])
    if length is None:
        return None
    found = match[1]
    compact = (match[0] + found).replace(" ", "")[:length]
    if len(compact) < length or int((compact[4:] + compact[:4]).translate(_LETTERS)) % 97 != 1:
        return None
    end = start
    for _ in range(length):
        end += 1 + (text[end] == " ")
    return None if text[end : end + 1].isalnum() else (start, end)


SECRET_PATTERNS: tuple[Pattern, ...] = (
    Pattern(
        "private-key",
        re.compile(
            r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:"
            r"[^-]{0,16384}+(?:-{1,4}+(?!-)[^-]{0,16384}+){0,64}+-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
            r"|[A-Za-z0-9+/=\s\\]{0,16384}+)"
        ),
        ("private key",),
    ),
    Pattern("anthropic-key", re.compile(r"(?<![A-Za-z0-9])sk-ant-[A-Za-z0-9_-]{16,4096}"), ("sk-ant-",), _key_body),
    Pattern("openai-key", re.compile(r"(?<![A-Za-z0-9])sk-(?!ant-)[A-Za-z0-9_-]{20,4096}"), ("sk-",), _key_body),
    Pattern(
        "aws-key",
        re.compile(r"(?<![A-Z0-9])A(?:KIA|SIA|BIA|CCA)[A-Z2-7]{16}(?![A-Z0-9])"),
        ("akia", "asia", "abia", "acca"),
    ),
    Pattern(
        "aws-secret",
        re.compile(
            r"(?i:secret_?access_?key)[\"']?[ \t]{0,4}[:=]{1,2}[ \t]{0,4}[\"']?([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+])"
        ),
        ("secret",),
        _first_group,
    ),
    Pattern(
        "github-token",
        re.compile(r"gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255}"),
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
    ),
    Pattern("gitlab-token", re.compile(r"glpat-[A-Za-z0-9_-]{20,255}"), ("glpat-",)),
    Pattern(
        "slack-token",
        re.compile(r"xox[abeoprs]-[A-Za-z0-9-]{10,255}|xapp-[0-9]-[A-Za-z0-9-]{10,255}"),
        ("xox", "xapp-"),
    ),
    Pattern(
        "slack-webhook",
        re.compile(r"hooks\.slack\.com/services/([A-Za-z0-9/_-]{20,255})"),
        ("hooks.slack",),
        _first_group,
    ),
    Pattern(
        "google-key",
        re.compile(r"AIza[A-Za-z0-9_-]{35}|GOCSPX-[A-Za-z0-9_-]{28}|ya29\.[A-Za-z0-9_-]{20,4096}"),
        ("aiza", "gocspx-", "ya29."),
    ),
    Pattern(
        "stripe-key",
        re.compile(r"[rs]k_(?:live|test)_[A-Za-z0-9]{16,255}|whsec_[A-Za-z0-9+/=]{32,255}"),
        ("k_live_", "k_test_", "whsec_"),
    ),
    Pattern("huggingface-token", re.compile(r"(?<![A-Za-z0-9])hf_[A-Za-z0-9]{30,255}"), ("hf_",)),
    Pattern("npm-token", re.compile(r"npm_[A-Za-z0-9]{36}"), ("npm_",)),
    Pattern(
        "jwt",
        re.compile(
            r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,8192}+\.[A-Za-z0-9_-]{2,16384}+\.[A-Za-z0-9_-]{0,4096}"
            r"(?:\.[A-Za-z0-9_-]{0,16384}+\.[A-Za-z0-9_-]{1,4096})?"
        ),
        ("eyj",),
    ),
    Pattern(
        "authorization",
        re.compile(
            r"(?<![A-Za-z])(?i:authorization|x-api-key|api-key|x-auth-token)[\"']?[ \t]{0,4}[:=][ \t]{0,4}[\"']?"
            r"((?i:bearer|basic|token|apikey|digest|negotiate)[ \t]{1,4})?([A-Za-z0-9._~+/=-]{8,8192}+)(?!\()"
        ),
        ("authorization", "api-key", "auth-token"),
        _header,
    ),
    Pattern(
        "bearer",
        re.compile(r"(?i:bearer)[ \t]{1,4}([A-Za-z0-9._~+/-]{16,8192}={0,2})"),
        ("bearer",),
        _with_digit(1),
    ),
    Pattern("basic", re.compile(r"(?i:basic)[ \t]{1,4}([A-Za-z0-9+/_-]{8,1024}={0,2})"), ("basic",), _basic),
    Pattern("url-password", re.compile(r"://[^\s/@:\"'<>]{0,128}+:([^\s/@\"'<>]{1,256})@"), ("://",), _url_password),
    Pattern(
        "card",
        re.compile(r"[2-6](?<![0-9A-Za-z].)(?<![0-9]\..)[0-9]{12,18}+(?![0-9A-Za-z]|\.[0-9])"),
        span=_plain_card,
    ),
    Pattern(
        "card",
        re.compile(
            r"[3-6](?<![0-9A-Za-z].)(?=([0-9]{3}([ -])"
            r"(?:[0-9]{4}\2[0-9]{4}\2[0-9]{4}()(?:\2[0-9]{1,3})?|[0-9]{6}\2[0-9]{4,5}())(?![0-9A-Za-z])))"
        ),
        span=_grouped_card,
    ),
    Pattern(
        "iban",
        re.compile(r"[A-Z](?<![0-9A-Za-z].)(?=([A-Z][0-9]{2}(?: ?[0-9A-Z]){11,30}+))"),
        span=_iban,
    ),
)
"""On by default: what gives power to whoever reads it."""

CREDENTIAL_PATTERNS: tuple[Pattern, ...] = tuple(each for each in SECRET_PATTERNS if each.name not in ("card", "iban"))
"""Keys, tokens, passwords. Card and account numbers are not among them: a run may be about these."""

PII_PATTERNS: tuple[Pattern, ...] = (
    Pattern(
        "email",
        re.compile(
            r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}+@(?:[A-Za-z0-9-]{1,63}+\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9-])"
        ),
        ("@",),
    ),
    Pattern("phone", re.compile(r"\+(?<![0-9A-Za-z].)[1-9](?:[ ().-]{0,2}[0-9]){6,14}(?![0-9])"), ("+",)),
)
"""Off by default: about people, and often what a text is about."""
