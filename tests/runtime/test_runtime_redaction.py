"""Redaction: a secret survives nowhere, ordinary text survives whole, hostile text costs linear time."""

from __future__ import annotations

import ast
import base64
import contextlib
import html
import json
import logging
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus, unquote, unquote_plus

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

import graphwright.runtime.redaction as redaction_module
from graphwright.runtime.redaction import MAX_NODES, RedactingFilter, Redactor
from graphwright.runtime.redaction_patterns import IBAN_LENGTHS, PII_PATTERNS, SECRET_PATTERNS, is_card
from graphwright.runtime.redaction_secrets import process_secrets

OWN = "hunter2/ü\"'\\n☃😀+&%41"
PLAIN = Redactor()
FULL = Redactor(patterns=SECRET_PATTERNS + PII_PATTERNS)
WITH_OWN = Redactor({"DB_PASSWORD": OWN})
JWT = ".".join(("eyJhbGciOiJIUzI1NiJ9", "eyJzdWIiOiIxIn0", "c2lnbmF0dXJl"))
BODY = "A1b2C3d4E5f6G7h8J9k0"
# Joined here, so that no scanner of repositories takes an example for a key.
EXAMPLES = {
    "openai-key": "sk-" + "proj-" + BODY * 3,
    "anthropic-key": "sk-" + "ant-api03-" + BODY * 3,
    "aws-key": "AKIA" + "IOSFODNN7EXAMPLE",
    "github-token": "ghp" + "_" + BODY * 2,
    "gitlab-token": "glpat" + "-" + BODY,
    "slack-token": "xoxb" + "-123456789012-" + BODY,
    "google-key": "AIza" + "Sy" + BODY + "abcdefghijklm",
    "stripe-key": "sk" + "_live_" + BODY,
    "huggingface-token": "hf" + "_" + BODY * 2,
    "npm-token": "npm" + "_" + (BODY * 2)[:36],
    "jwt": JWT,
    "private-key": "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIE" + BODY + "\n-----END RSA " + "PRIVATE KEY-----",
    "card": "4111 1111 1111 1111",
    "iban": "DE89 3704 0044 0532 0130 00",
}


def escaped(text: str) -> str:
    return "".join(f"\\u{ord(each):04x}" for each in text)


def every_other(text: str) -> str:
    return "".join(f"\\u{ord(each):04X}" if at % 2 and ord(each) < 0x10000 else each for at, each in enumerate(text))


def units(text: str) -> str:
    return "".join(json.dumps(each)[1:-1] if each > "~" else f"\\u{ord(each):04x}" for each in text)


def percent(text: str) -> str:
    return "".join(f"%{each:02x}" for each in text.encode())


WRITTEN: dict[str, tuple[Callable[[str], str], Callable[[str], Any]]] = {
    "plain": (str, str),
    "json": (json.dumps, json.loads),
    "json, not ASCII": (lambda text: json.dumps(text, ensure_ascii=False), json.loads),
    "json in json": (
        lambda text: json.dumps({"b": json.dumps([text])}),
        lambda text: json.loads(json.loads(text)["b"]),
    ),
    "json key": (lambda text: json.dumps({text: 1}), json.loads),
    "json by units": (lambda text: f'"{units(text)}"', json.loads),
    "repr": (repr, ast.literal_eval),
    "url": (quote, unquote),
    "url path": (lambda text: quote(text, safe=""), unquote),
    "form": (quote_plus, unquote_plus),
    "every byte in a url": (percent, unquote),
    "html": (html.escape, html.unescape),
    "dict": (lambda text: str({text: [text]}), ast.literal_eval),
}


@pytest.mark.parametrize("written", WRITTEN)
@given(secret=st.text(min_size=8, max_size=40), before=st.text(max_size=8), after=st.text(max_size=8))
@settings(max_examples=100, deadline=None)
def test_a_secret_of_the_process_survives_in_no_spelling(written: str, secret: str, before: str, after: str) -> None:
    assume(not any("\ud800" <= each <= "\udfff" for each in secret + before + after))
    assume(secret not in "[redacted:secret]")
    assume("[redacted:" not in secret)
    write, read = WRITTEN[written]

    redacted = Redactor([secret]).redact(write(before + secret + after))

    assert "[redacted:" in redacted
    assert secret not in redacted
    with contextlib.suppress(ValueError, SyntaxError):  # a mark may stand where the syntax has no place for it
        assert secret not in flat(read(redacted))


@given(secret=st.text(min_size=8, max_size=40), before=st.binary(max_size=7), after=st.binary(max_size=7))
@settings(max_examples=200, deadline=None)
def test_a_secret_does_not_survive_inside_base64(secret: str, before: bytes, after: bytes) -> None:
    assume(not any("\ud800" <= each <= "\udfff" for each in secret))
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        text = encode(before + secret.encode() + after).decode()

        left = Redactor([secret]).redact(text).split("[redacted:secret]")

        assert len(left) >= 2
        # What is left is too short to hold it: at most the characters it shares with its neighbours.
        assert sum(map(len, left)) * 6 < (len(before) + len(after)) * 8 + 2 * 8 + 2 * 6 + 1


@given(secret=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=30), data=st.data())
@settings(max_examples=200, deadline=None)
def test_a_secret_does_not_survive_where_any_of_its_characters_are_escaped(secret: str, data: st.DataObject) -> None:
    assume("\\" not in secret)
    assume("%" not in secret)
    assume(secret not in "[redacted:secret]")
    forms: list[Callable[[str], str]] = [
        str,
        escaped,
        lambda each: "\\" + escaped(each),
        lambda each: f"%{ord(each):02X}",
    ]
    text = "".join(data.draw(st.sampled_from(forms))(each) for each in secret)

    assert Redactor([secret]).redact(f"<{text}>") == "<[redacted:secret]>"


@pytest.mark.parametrize("spell", [escaped, every_other, lambda text: "\\\\" + escaped(text)])
def test_what_stands_around_an_escaped_secret_stays(spell: Callable[[str], str]) -> None:
    secret = "pass-wörd-123"
    text = f'\\n%20"{spell(secret)}"\\t\\u0041 then %41 {spell(secret)} end\\n'

    redacted = Redactor([secret]).redact(text)

    assert redacted.count("[redacted:secret]") == 2
    assert redacted.startswith('\\n%20"')
    assert redacted.endswith(" end\\n")
    assert '"\\t\\u0041 then %41 ' in redacted


@given(st.recursive(st.none() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner) | st.dictionaries(
    st.text(max_size=5), inner), max_leaves=10), st.data())  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_a_secret_survives_nowhere_in_a_value(value: Any, data: st.DataObject) -> None:
    planted = plant(value, data)
    before = repr(planted)

    redacted = WITH_OWN.redact_value(planted)

    assert OWN not in flat(redacted)
    assert "[redacted:DB_PASSWORD]" in flat(redacted)
    assert repr(planted) == before
    assert WITH_OWN.redact_value(redacted) == redacted


def plant(value: Any, data: st.DataObject) -> Any:
    match value:
        case dict() if value:
            key = data.draw(st.sampled_from(sorted(value)))
            if data.draw(st.booleans()):
                return {**value, f"{key}{OWN}": 1}
            return {**value, key: plant(value[key], data)}
        case list() if value:
            at = data.draw(st.integers(0, len(value) - 1))
            return [*value[:at], plant(value[at], data), *value[at + 1 :]]
        case str():
            return value + json.dumps({"x": OWN}) + value
        case _:
            return {"text": [f"say {OWN}."]}


def flat(value: Any) -> str:
    match value:
        case dict():
            return " ".join(f"{flat(key)} {flat(each)}" for key, each in value.items())
        case list():
            return " ".join(map(flat, value))
        case _:
            return str(value)


@pytest.mark.parametrize("name", EXAMPLES)
def test_well_known_secrets_are_found_wherever_they_stand(name: str) -> None:
    secret = EXAMPLES[name]
    places = (
        "{}",
        "key={}",
        '{{"a": "{}"}}',
        "say {}, please",
        "line\n{}\nline",
        "x: '{}'.",
        "({})",
        "https://h/?k={}&b",
    )
    for place in places:
        assert PLAIN.redact(place.format(secret)) == place.format(f"[redacted:{name}]")


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("Authorization: Bearer abcdefgh12345678", "Authorization: Bearer [redacted:authorization]"),
        ("{'authorization': 'Basic dXNlcjpwYXNzd29yZA=='}", "{'authorization': 'Basic [redacted:authorization]'}"),
        ('"X-Api-Key": "abc123def456"', '"X-Api-Key": "[redacted:authorization]"'),
        ("curl -H 'bearer a1.b2~c3+d4/e5-f6_g7='", "curl -H 'bearer [redacted:bearer]'"),
        ("send basic dXNlcjpwYXNzd29yZA==", "send basic [redacted:basic]"),
        ("postgres://ann:s3cret@db/x", "postgres://ann:[redacted:url-password]@db/x"),
        ("redis://:pw@db", "redis://:[redacted:url-password]@db"),
        ("aws_secret_access_key = " + "aB3/" * 10, "aws_secret_access_key = [redacted:aws-secret]"),
        (
            "https://hooks.slack.com/services/" + "T0/B0/" + BODY,
            "https://hooks.slack.com/services/[redacted:slack-webhook]",
        ),
        ("-----BEGIN " + "PRIVATE KEY-----\nAbC+/=\nxyz", "[redacted:private-key]"),
        (json.dumps(EXAMPLES["private-key"]), '"[redacted:private-key]"'),
        ("12 4111 1111 1111 1111 23", "12 [redacted:card] 23"),
        ("4000 4111 1111 1111 1111", "4000 [redacted:card]"),
        ("3782-822463-10005 and 30569309025904", "[redacted:card] and [redacted:card]"),
        ("DE89 3704 0044 0532 0130 00 EUR", "[redacted:iban] EUR"),
        ("BE68539007547034, GB29 NWBK 6016 1331 9268 19", "[redacted:iban], [redacted:iban]"),
    ],
)
def test_secrets_are_cut_out_precisely(text: str, redacted: str) -> None:
    assert PLAIN.redact(text) == redacted


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The order A-1042 was refunded: 12.50 EUR, run_01f3c9a4d2b7e8, 2026-11-23T10:00:00Z.",
        "risk-assessment-of-the-2024-task-manager-rollout sk-learn-compatible-estimators",
        "A basic understanding of bearer responsibilities; Authorization: required for everybody.",
        "Bearer authentication: see RFC 6750. Basic research, basic knowledge.",
        "authorization = base64.decodebytes(token)",
        "postgres://user:${PASSWORD}@host http://user:{password}@host http://u:***@h http://host:8080/@me",
        "4111111111111112 0.4111111111111111 x4111111111111111 41111111111111111111 1700000000000000000",
        "DE88370400440532013000 ZZ89370400440532013000 version AB12 CD34",
        "3b18e512-dba4-4c3b-8b0d-4c1d5e6f7a8b 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "ann@example.com or +49 30 901820",
        "eyJ is how a token begins; AKIA too. -----BEGIN CERTIFICATE-----",
        "[redacted:card] [redacted] 100 % \\n \\u0041 %41 C:\\new\\table",
    ],
)
def test_ordinary_text_comes_back_as_it_was(text: str) -> None:
    for redactor in (PLAIN, WITH_OWN):
        assert redactor.redact(text) == text


@given(st.text(max_size=300))
@settings(max_examples=300, deadline=None)
def test_text_without_secrets_comes_back_as_it_was(text: str) -> None:
    assert WITH_OWN.redact(text) == text


def test_our_own_sources_come_back_as_they_were() -> None:
    folder = Path(redaction_module.__file__).parent
    for path in folder.rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        assert WITH_OWN.redact(source) == source, path


@given(st.lists(st.sampled_from([*EXAMPLES.values(), OWN, json.dumps(OWN), "[redacted:", "]", "[redacted:card]", " ",
                                 "-", "a", "1", "://a:", "@", "Bearer ", "authorization: ", "ann@example.com"])
                | st.text(max_size=4), max_size=12))  # fmt: skip
@settings(max_examples=400, deadline=None)
def test_redacting_twice_is_redacting_once(parts: list[str]) -> None:
    redactor = Redactor({"DB_PASSWORD": OWN}, SECRET_PATTERNS + PII_PATTERNS)
    once = redactor.redact("".join(parts))

    assert redactor.redact(once) == once
    assert OWN not in once


def test_secrets_that_bare_each_other_end_in_nothing() -> None:
    """Each mark makes a boundary for the next; text made for that is not looked at for ever."""
    key = "sk-" + ("A1b2C3d4E5f6G7h8" * 256)
    text = key * 40

    redacted = PLAIN.redact(text)

    assert PLAIN.redact(redacted) == redacted
    assert "sk-A1b2" not in redacted


@pytest.mark.parametrize("secret", ["password", "redacted", "url-password", "card]xxxx", "[redacted:"])
def test_a_secret_that_looks_like_a_mark_does_no_harm(secret: str) -> None:
    redactor = Redactor({"MY_PASSWORD": secret, "password": "something-else"})
    text = f"x {secret} y something-else z postgres://a:b@c {EXAMPLES['card']}"

    once = redactor.redact(text)

    assert redactor.redact(once) == once
    assert once.startswith("x [redacted:")
    assert f"x {secret} y" not in once
    assert "something-else" not in once


def test_nobody_hides_a_secret_in_what_looks_like_a_mark() -> None:
    redactor = Redactor({"TOKEN": "abcdef-123456"})

    assert redactor.redact("[redacted:abcdef-123456]") == "[redacted:[redacted:TOKEN]]"
    assert EXAMPLES["aws-key"] not in redactor.redact(f"[redacted:{EXAMPLES['aws-key']}]")


def test_overlapping_secrets_leave_nothing_of_each_other() -> None:
    redactor = Redactor(["abcdefghij", "fghijklmno", "abcdefghijklmnopq"])

    assert redactor.redact("x abcdefghijklmno y") == "x [redacted:secret] y"


@pytest.mark.parametrize("word", ["a", "a@", "a@a.", "1", "4", "1.", "4 ", "4444 ", "4111-1111-1111-1111 ", "=",
    "AB12 ", "DE89 ", "DE89", "eyJ", "eyJaaaaaaaaaaaa.aa.", "sk-", "-", "-----BEGIN " + "PRIVATE KEY-----", "://", "://a:",
    "://a:b@", "\\", "\\u0041", "%41", "%", "[redacted:card]", "[redacted:", "AKIA", "bearer ", "authorization:",
    "basic ", "xox", "+1 ", "+1(", "[{", '"', "_", "QUJD", "İ", "sk-" + "a" * 195 + "1", "aaaaaaaa "])  # fmt: skip
def test_hostile_text_costs_linear_time(word: str) -> None:
    redactor = Redactor(["aaaaaaaab", "a@a@a@a@a@b", OWN], SECRET_PATTERNS + PII_PATTERNS)

    def seconds(size: int) -> float:
        text = (word * (size // len(word) + 1))[:size]
        best = float("inf")
        for _ in range(2):
            started = time.process_time()
            redactor.redact(text)
            best = min(best, time.process_time() - started)
        return best

    assert seconds(500_000) < 4 * seconds(250_000) + 0.02
    assert seconds(100_000) < 1


@pytest.mark.parametrize(
    "text", ["eyJ" + "a" * 10**6, "a" * 10**6 + "@", "sk-" + "a" * 10**6, "4" * 10**6, "DE89" + "A" * 10**6]
)
def test_one_long_word_costs_little(text: str) -> None:
    started = time.process_time()
    FULL.redact(text)

    assert time.process_time() - started < 5


def test_every_quantifier_of_the_patterns_is_bounded() -> None:
    for each in SECRET_PATTERNS + PII_PATTERNS:
        without_classes = re.sub(r"\[(?:\\.|[^\]])*\]", "C", each.regex.pattern)
        assert not re.search(r"(?<!\\)[*]|(?<![\\}])[+]|\{\d*,\}", without_classes), each.name


def test_personal_data_is_redacted_where_asked_for() -> None:
    text = "Write to ann.b+c@mail.example.co.uk or call +49 (30) 90-1820, not a@b."

    assert FULL.redact(text) == "Write to [redacted:email] or call [redacted:phone], not a@b."
    assert PLAIN.redact(text) == text


@pytest.mark.parametrize("digits", ["4111111111111111", "5555555555554444", "2223003122003222", "378282246310005",
    "30569309025904", "6011111111111117", "3530111333300000", "6200000000000005", "4222222222222"])  # fmt: skip
def test_cards_are_known_by_issuer_length_and_sum(digits: str) -> None:
    assert is_card(digits)
    assert not is_card(digits[:-1] + str((int(digits[-1]) + 1) % 10))
    assert not is_card("1" + digits[1:])


def test_the_table_of_account_numbers_is_read_right() -> None:
    assert (IBAN_LENGTHS["NO"], IBAN_LENGTHS["DE"], IBAN_LENGTHS["MT"], IBAN_LENGTHS["RU"]) == (15, 22, 31, 33)
    assert len(IBAN_LENGTHS) > 80


def test_secrets_of_the_process_are_found_by_the_names_of_variables() -> None:
    environment = {
        "OPENAI_API_KEY": "value-of-key-1", "GITHUB_TOKEN": "value-of-key-2", "DB_PASSWORD": "value-of-key-3",
        "MY_SECRET": "value-of-key-4", "DB_PWD": "value-of-key-5", "apikey": "value-of-key-6",
        "DATABASE_URL": "postgres://ann:value%2Dof-key-7@db/x", "GRAPHWRIGHT_SEAL_KEYS": "k1:" + "QUJDREVGR0g1" * 4,
        "PWD": "/some/folder", "TOKEN_FILE": "/some/file/of/it", "KEYBOARD": "qwertzuiop", "AUTHOR": "ann-of-cleves",
        "SHORT_KEY": "1234567", "SSH_AUTH_SOCK": "/some/agent.sock", "HOME": "/some/home", "MONKEY": "chimpanzee",
    }  # fmt: skip

    found = process_secrets(environment, {"from settings": "value-of-key-8", "empty": ""})

    assert set(found) == {
        "OPENAI_API_KEY", "GITHUB_TOKEN", "DB_PASSWORD", "MY_SECRET", "DB_PWD", "apikey", "DATABASE_URL",
        "GRAPHWRIGHT_SEAL_KEYS", "from settings",
    }  # fmt: skip
    redactor = Redactor.of_process(environment, given={"from settings": "value-of-key-8"})
    assert redactor.redact("value-of-key-1") == "[redacted:OPENAI_API_KEY]"
    assert redactor.redact("value-of-key-7") == "[redacted:DATABASE_URL]"
    assert redactor.redact("value-of-key-8") == "[redacted:from-settings]"
    assert redactor.redact("only " + "QUJDREVGR0g1" * 4) == "only [redacted:GRAPHWRIGHT_SEAL_KEYS]"


def test_by_default_the_environment_of_the_process_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "value-of-the-key")

    assert Redactor.of_process().redact("it is value-of-the-key.") == "it is [redacted:OPENAI_API_KEY]."


class Account(BaseModel):
    owner: str
    card: str


class Odd:
    def __init__(self, words: str) -> None:
        self.words = words

    def __str__(self) -> str:
        if not self.words:
            raise RuntimeError("no words")
        return self.words


def test_values_of_every_kind_are_redacted_and_the_rest_stays() -> None:
    plain = Odd("plain")
    value = {
        "card": 4111111111111111, "time": 1_700_000_000_000_000_000, "huge": 10**5000, "flag": True, "none": None,
        "float": 0.5, "bytes": OWN.encode(), "model": Account(owner="ann", card="4111111111111111"), "tuple": (1, OWN),
        "odd": [plain, Odd(OWN), Odd("")], 7: OWN, b"x" + OWN.encode(): 1,
    }  # fmt: skip

    redacted = WITH_OWN.redact_value(value)

    mark = "[redacted:DB_PASSWORD]"
    assert redacted == {
        "card": "[redacted:card]", "time": 1_700_000_000_000_000_000, "huge": 10**5000, "flag": True, "none": None,
        "float": 0.5, "bytes": mark, "model": {"owner": "ann", "card": "[redacted:card]"}, "tuple": [1, mark],
        "odd": [plain, mark, "[redacted:unreadable]"], 7: mark, f"b'x{mark}'": 1,
    }  # fmt: skip


def test_fields_that_are_named_like_secrets_are_redacted_whatever_they_hold() -> None:
    value = {"password": "abc", "X-Api-Key": "1", "clientSecret": 5, "token_count": 7, "secret": "", "keys": ["a"]}

    assert PLAIN.redact_value(value) == {
        "password": "[redacted:field]", "X-Api-Key": "[redacted:field]", "clientSecret": "[redacted:field]",
        "token_count": 7, "secret": "", "keys": ["a"],
    }  # fmt: skip


def test_keys_that_become_equal_are_kept_apart() -> None:
    redacted = PLAIN.redact_value({EXAMPLES["aws-key"]: 1, "AKIA" + "A" * 16: 2, "[redacted:aws-key]": 3})

    assert redacted == {"[redacted:aws-key]": 1, "[redacted:aws-key] (2)": 2, "[redacted:aws-key] (3)": 3}


def test_many_keys_that_become_equal_cost_linear_time() -> None:
    letters = "ABCDEFGHIJKLMNOP"
    value = {f"AKIA{''.join(letters[number >> 4 * at & 15] for at in range(16))}": number for number in range(20_000)}

    started = time.process_time()
    redacted = PLAIN.redact_value(value)

    assert len(redacted) == 20_000
    assert time.process_time() - started < 5


def test_depth_size_and_circles_are_bounded() -> None:
    circle: dict[str, Any] = {"secret text": OWN}
    circle["self"] = [circle]
    wide = [[0] * 1000 for _ in range(MAX_NODES // 500)]

    assert "[redacted:too-deep]" in flat(WITH_OWN.redact_value(circle))
    assert len(flat(WITH_OWN.redact_value(wide)).split()) <= MAX_NODES
    assert flat(WITH_OWN.redact_value(wide)).endswith("[redacted:too-large]")


@pytest.fixture
def logged() -> tuple[logging.Logger, list[str]]:
    lines: list[str] = []

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(f"{self.format(record)} {getattr(record, 'extra_field', '')}")

    handler = Lines()
    handler.addFilter(RedactingFilter(WITH_OWN))
    logger = logging.Logger("test")
    logger.addHandler(handler)
    return logger, lines


def test_a_log_record_is_redacted_whole(logged: tuple[logging.Logger, list[str]]) -> None:
    logger, lines = logged

    logger.info("%s and %r", "fine", {"key": OWN}, extra={"extra_field": {"deep": [OWN]}})
    try:
        raise ValueError(f"wrong password {OWN}")
    except ValueError:
        logger.exception("failed for %s", OWN, stack_info=True)
    logger.info("%d does not fit", OWN)
    logger.info({"object": OWN})

    text = "\n".join(lines)
    assert OWN not in text
    assert repr(OWN)[1:-1] not in text
    assert lines[0].startswith("fine and {'key': '[redacted:DB_PASSWORD]'}")
    assert "ValueError: wrong password [redacted:DB_PASSWORD]" in lines[1]
    assert "Traceback" in lines[1]
    assert len(lines) == 4


def test_a_record_without_secrets_reads_as_before(logged: tuple[logging.Logger, list[str]]) -> None:
    logger, lines = logged

    logger.warning("%d of %s", 3, "4")

    assert lines == ["3 of 4 "]


def test_a_short_text_is_redacted_quickly() -> None:
    """It is on the way of everything that is stored: 15 microseconds here; ten times that would be a mistake."""
    text = "The order A-1042 of ann was refunded with 12.50 EUR at 2026-11-23T10:00:00Z, run_01f3c9a4d2b7e8."
    best = float("inf")
    for _ in range(3):
        started = time.process_time()
        for _ in range(1000):
            WITH_OWN.redact(text)
        best = min(best, (time.process_time() - started) / 1000)

    assert best < 0.00015
