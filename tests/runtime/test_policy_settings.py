"""The [policy] part of graphwright.toml: what is said about it, and what it puts in force."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphwright.runtime import SettingsError, load_settings
from graphwright.runtime.policy import PROFILES, Call, decide
from graphwright.runtime.policy.settings import PolicyError, PolicySettings
from graphwright.tools import Labels


def settings(folder: Path, text: str) -> PolicySettings:
    (folder / "graphwright.toml").write_text(text)
    return load_settings(project_dir=folder).policy


def test_without_a_word_the_default_profile_is_in_force(tmp_path: Path) -> None:
    assert settings(tmp_path, "").context(tmp_path).rules == PROFILES["default"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[policy]\nprofile = 'lax'", r"policy\.profile: Input should be 'observe', 'default' or 'strict'"),
        ("[policy]\nrules = ['nowhere']", "a rule is named as module:function"),
        ("[policy]\nrules = ['a:b:c', ':x']", "'a:b:c', ':x'"),
        ("[policy.tools.send]\nverdict = 'perhaps'", r"policy\.tools\.send\.verdict"),
        ("[policy.tools.send]\ncritcal = ['to']", r"policy\.tools\.send\.critcal"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        settings(tmp_path, text)


def test_every_rule_that_cannot_be_found_is_named(tmp_path: Path) -> None:
    (tmp_path / "odd_rules.py").write_text("word = 'no function'\n")
    policy = settings(tmp_path, "[policy]\nrules = ['nowhere_at_all:rule', 'odd_rules:missing', 'odd_rules:word']")

    with pytest.raises(PolicyError, match=r"nowhere_at_all:rule.*odd_rules:missing.*'odd_rules:word' is no function"):
        policy.context(tmp_path)


def test_a_custom_rule_is_one_function_of_the_project(tmp_path: Path) -> None:
    (tmp_path / "closing_time.py").write_text(
        "from graphwright.runtime.policy import Finding\n\n"
        "def closed(call, context):\n"
        "    return Finding('deny', 'closed', 'We are closed.') if call.tool == 'sell' else None\n"
    )
    context = settings(tmp_path, "[policy]\nrules = ['closing_time:closed']").context(tmp_path)

    assert decide(Call(tool="sell", arguments={}, declared=Labels(effect="write")), context).rule == "closed"
    assert decide(Call(tool="look", arguments={}, declared=Labels(effect="read")), context).verdict == "allow"


def test_the_settings_may_label_a_tool_anew_and_settle_its_verdict(tmp_path: Path) -> None:
    policy = settings(tmp_path, "[policy.tools.send]\nverdict = 'ask'\neffect = 'write'\ncritical = ['to']\n")
    labels = policy.tools["send"].labels(Labels.unknown())

    assert (labels.effect, labels.critical, labels.destructive) == ("write", ("to",), True)
    assert decide(Call(tool="send", arguments={}, declared=labels), policy.context(tmp_path)).rule == "settings"
