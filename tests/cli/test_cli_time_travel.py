"""`history`, `diff`, `fork`, `replay`, `explain`, `doctor`, `resolve`, `migrate`, and threads as a whole."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., Any]
Start = Callable[..., subprocess.Popen[bytes]]

BREAKING = '''
from graphwright.tools import tool


@tool(effect="write")
async def find_order(order_id: str) -> str:
    """Break off the first time."""
    from pathlib import Path
    if not Path("works").exists():
        raise ConnectionResetError("peer is gone")
    return f"Order {order_id} was shipped."
'''


def newest(gw: Cli) -> str:
    return str(gw("runs", "--json").objects[0]["id"])


def thread_of(gw: Cli) -> str:
    return str(gw("threads", "--json").objects[0]["id"])


def test_a_history_tells_what_each_step_changed_and_what_comes_next(gw: Cli, waiting: str) -> None:
    points = gw("history", newest(gw), "--json").objects

    assert [each["next"] for each in points] == [["__start__"], ["model"], ["tools"]]
    assert points[-1]["waits"] == 1
    assert points[-1]["changed"][0]["kind"] == "added"
    shown = gw("history", thread_of(gw)).out
    assert "tools (waits)" in shown
    assert "+messages[1] ai" in shown


def test_a_diff_shows_the_messages_between_two_checkpoints(gw: Cli) -> None:
    gw("run", "shop", "Find A-7")
    points = [each["id"] for each in gw("history", thread_of(gw), "--json").objects]

    shown = gw("diff", points[2], points[-1])

    assert "+ messages[2] tool\n" in shown.out
    assert "content: Order A-7 was shipped." in shown.out
    assert "the same" in gw("diff", points[1], points[1]).err
    assert gw("diff", points[1], "nowhere").status == 2


def test_a_fork_asks_again_and_pays_only_after_another_approval(gw: Cli, waiting: str, project: Path) -> None:
    gw("approve", waiting)
    paid = (project / "refunds.txt").read_text()
    at = next(each["id"] for each in gw("history", thread_of(gw), "--json").objects if each["next"] == ["tools"])

    forked = gw("fork", thread_of(gw), "--at", at)

    assert forked.status == 3
    assert (project / "refunds.txt").read_text() == paid
    (asked,) = gw("inbox", "--json").objects
    assert asked["id"] != waiting
    assert gw("approve", asked["id"]).out == "The money is back.\n"
    assert (project / "refunds.txt").read_text() == paid * 2


def test_a_fork_goes_on_with_other_words_and_refuses_what_is_no_json(gw: Cli) -> None:
    gw("run", "shop", "Hello")
    end = gw("history", thread_of(gw), "--json").objects[-1]["id"]

    assert gw("fork", thread_of(gw), "Find A-7", "--at", end).out == "It was shipped.\n"
    refused = gw("fork", thread_of(gw), "--at", end, "--set", "notes=nothing", "--set", "x")
    assert (refused.status, "'x'" in refused.err, "'notes=nothing'" in refused.err) == (2, True, True)
    made = gw("fork", thread_of(gw), "--at", end, "--set", 'notes={"a": 1}', "--no-continue", "--json")
    assert made.status == 0
    assert gw("resume", made.objects[0]["run"]).status == 0


def test_a_replay_says_same_and_pays_nobody(gw: Cli, waiting: str, project: Path) -> None:
    gw("approve", waiting)
    paid = (project / "refunds.txt").read_text()

    done = gw("replay", newest(gw))

    assert (done.status, done.out) == (0, f"same: 4 steps of {newest(gw)} end as they did.\n")
    assert gw("replay", newest(gw), "--json").objects[0]["verdict"] == "same"
    assert (project / "refunds.txt").read_text() == paid


def test_an_explanation_names_the_prompt_the_calls_and_who_decided(gw: Cli, waiting: str) -> None:
    gw("approve", waiting)

    shown = gw("explain", newest(gw)).out

    for words in ("The money is back.", 'refund(order_id="A-7"', waiting, "approve by local", "which called refund"):
        assert words in shown
    assert gw("explain", newest(gw), "--json").objects[0]["decided"][0]["by"] == "local"
    assert gw("explain", "run_x").status == 2


@pytest.fixture
def blocked(gw: Cli, project: Path) -> str:
    """The id of a call of which nobody knows whether it happened."""
    shop = project / "tools" / "shop_tools.py"
    broken = project / "broken.py"
    broken.write_text(BREAKING)
    shop.write_text(BREAKING)
    done = gw("run", "shop", "Find A-7")
    assert (done.status, "nobody knows" in done.err) == (3, True)
    return str(gw("inbox", "--json").objects[0]["id"])


def test_the_inbox_and_the_doctor_list_an_unknown_outcome_with_the_command_that_settles_it(
    gw: Cli, blocked: str
) -> None:
    listed, found = gw("inbox"), gw("doctor")

    assert blocked in listed.out
    assert f"resolve {blocked} happened|retry|abandon" in listed.err
    assert (found.status, f"resolve {blocked} happened|retry|abandon" in found.out) == (1, True)


@pytest.mark.parametrize(
    ("said", "answer"), [(("retry",), "It was shipped."), (("happened", "--note", "It was shipped"), "It was shipped.")]
)
def test_a_resolved_call_lets_its_run_go_on(
    gw: Cli, blocked: str, project: Path, said: tuple[str, ...], answer: str
) -> None:
    (project / "works").touch()
    words = [each.replace("It was", "Order A-7 was") for each in said]

    done = gw("resolve", blocked, *words)

    assert (done.status, done.out) == (0, f"{answer}\n")
    again = gw("resolve", blocked, "retry")
    assert (again.status, "is known" in again.err) == (2, True)


def test_a_call_can_be_resolved_without_going_on(gw: Cli, blocked: str) -> None:
    done = gw("resolve", blocked, "abandon", "--no-continue")

    assert (done.status, f"resume {newest(gw)}" in done.err) == (0, True)
    assert gw("doctor").status == 1
    assert gw("resume", newest(gw)).status == 0
    assert gw("doctor").status == 0


def test_a_changed_graph_is_accepted_by_name_only(gw: Cli, waiting: str, project: Path) -> None:
    graphs = project / "graphs" / "shop.py"
    renamed = graphs.read_text().replace('Agent(name="clerk"', 'Agent(name="teller"')
    graphs.write_text(renamed)
    gw("approve", waiting, "--no-continue")

    refused = gw("resume", newest(gw))
    assert (refused.status, "--accept-changes" in refused.err) == (1, True)
    assert "its graph 'shop' has changed" in gw("doctor").out.lower()
    assert gw("resume", newest(gw), "--accept-changes").status == 0


def test_a_paused_run_moves_to_a_renamed_node(gw: Cli, project: Path) -> None:
    assert gw("run", "plain", "x").status == 3
    graphs = project / "graphs" / "shop.py"
    graphs.write_text(graphs.read_text().replace('"speak"', '"talk"'))
    assert gw("resume", newest(gw)).status == 1

    moved = gw("migrate", newest(gw), "--rename", "speak=talk")

    assert (moved.status, f"resume {newest(gw)}" in moved.err) == (0, True)
    assert gw("resume", newest(gw)).status == 3
    (asked,) = gw("inbox", "--json").objects
    assert gw("respond", asked["id"], "blue").out == "You said blue.\n"
    assert gw("migrate", newest(gw), "--rename", "speak").status == 2


def test_a_thread_is_copied_and_deleted_whole(gw: Cli) -> None:
    gw("run", "shop", "Find A-7")
    thread = thread_of(gw)

    copied = gw("threads", "copy", thread).out.strip()

    assert gw("threads", "delete", thread, "--yes").status == 0
    assert [each["id"] for each in gw("threads", "--json").objects] == [copied]
    assert gw("chat", "shop", "--thread", copied, stdin=b"Find A-7\n").out == "It was shipped.\n"
    assert gw("threads", "delete", thread, "--yes").status == 2


def test_a_waiting_thread_is_not_deleted(gw: Cli, waiting: str) -> None:
    refused = gw("threads", "delete", thread_of(gw), "--yes")

    assert (refused.status, "runs cancel" in refused.err) == (1, True)


def test_threads_are_pruned_as_asked_or_as_the_settings_say(gw: Cli, project: Path) -> None:
    gw("run", "shop", "Find A-7")

    assert gw("threads", "prune").status == 2
    assert gw("threads", "prune", "--older-than", "soon").status == 2
    assert "0 checkpoints were removed" in gw("threads", "prune", "--older-than", "30d").err
    (project / "graphwright.toml").write_text("keep_checkpoints = 1\n")
    assert "checkpoints were removed" in gw("threads", "prune", thread_of(gw)).err
    assert gw("chat", "shop", "--thread", thread_of(gw), stdin=b"Find A-7\n").out == "It was shipped.\n"


def test_a_second_start_on_a_busy_thread_does_as_it_is_told(gw: Cli, waiting: str) -> None:
    thread = thread_of(gw)
    assert gw("run", "shop", "Hello", "--thread", thread).status == 1

    queued = gw("run", "shop", "Hello", "--thread", thread, "--if-busy", "enqueue")
    assert (queued.status, "is queued behind" in queued.err) == (3, True)
    done = gw("approve", waiting)
    assert (done.status, done.out) == (0, "The money is back.\nHello.\n")

    gw("run", "shop", "Pay back A-7", "--thread", thread)
    assert gw("run", "shop", "Hello", "--thread", thread, "--if-busy", "rollback").out == "Hello.\n"
    assert gw("inbox", "--json").objects == []
    said = [each["after"]["content"] for each in gw("history", thread, "--json").objects[-1]["changed"]]
    assert said == ["Hello."]


def test_sigterm_stops_a_run_at_the_end_of_its_step(gw: Cli, gw_process: Start, project: Path) -> None:
    tools = project / "tools" / "shop_tools.py"
    slow = "for _ in range(600):\n            if Path('hurry').exists():\n                break\n"
    slow += "            await asyncio.sleep(0.1)"
    tools.write_text(tools.read_text().replace("await asyncio.sleep(60)", slow))
    process = gw_process("run", "shop", "Wait")
    seen = b""
    while b"wait_long" not in seen:
        seen += process.stderr.readline()  # type: ignore[union-attr]  # it is a pipe

    process.send_signal(signal.SIGTERM)
    while b"end of this step" not in seen:
        seen += process.stderr.readline()  # type: ignore[union-attr]  # same
    (project / "hurry").touch()

    out, err = process.communicate(timeout=60)
    run = gw("runs", "--json").objects[0]
    assert (process.returncode, out, run["status"]) == (130, b"", "queued")
    assert f"graphwright resume {run['id']}".encode() in err
    assert gw("resume", run["id"]).out == "It took a while.\n"


def test_a_doctor_with_nothing_to_say_says_so(gw: Cli) -> None:
    assert gw("doctor").status == 0
    gw("run", "shop", "Find A-7")

    done = gw("doctor", "--json")

    assert (done.status, done.out, "Everything is in order" in done.err) == (0, "", True)
