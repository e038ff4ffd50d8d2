"""Each wrapper adds one behaviour and keeps the contract."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from graphwright.models import (
    Cached,
    CircuitBreaker,
    Delta,
    Fallback,
    ModelAnswerMalformed,
    ModelAuthFailed,
    ModelFiltered,
    ModelUnavailable,
    RateLimit,
    Reply,
    Retry,
    ScriptedModel,
    ScriptMismatch,
)


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 3))
        self.now += seconds


class Screen:
    """A sink that can start over."""

    def __init__(self) -> None:
        self.text = ""

    def __call__(self, delta: Delta) -> None:
        self.text += delta.text

    def restart(self) -> None:
        self.text = ""


BROKE_OFF = Reply(text="Hel", error=ModelAnswerMalformed("broke off"))


def _retry(script: list[Any], clock: Clock, **settings: Any) -> Retry:
    return Retry(ScriptedModel(script), sleep=clock.sleep, jitter=lambda: 1.0, **settings)


async def test_waits_grow_up_to_a_cap(ask: Any) -> None:
    clock = Clock()
    model = _retry([ModelUnavailable("busy")] * 5 + ["done"], clock, attempts=6, first_wait=1, longest_wait=5)

    message = await model.respond(ask())

    assert message.content == "done"
    assert clock.slept == [1, 2, 4, 5, 5]


async def test_the_server_is_waited_for_as_long_as_it_asks(ask: Any) -> None:
    clock = Clock()

    await _retry([ModelUnavailable("busy", retry_after=20), "done"], clock).respond(ask())

    assert clock.slept == [21.0]


async def test_a_server_that_asks_for_too_long_is_not_waited_for(ask: Any) -> None:
    clock = Clock()

    with pytest.raises(ModelUnavailable, match="tomorrow"):
        await _retry([ModelUnavailable("tomorrow", retry_after=86_400)], clock).respond(ask())

    assert clock.slept == []


async def test_the_last_error_is_raised_as_it_is(ask: Any) -> None:
    model = _retry([ModelUnavailable("one"), ModelUnavailable("two")], Clock(), attempts=2)

    with pytest.raises(ModelUnavailable, match="two"):
        await model.respond(ask())


@pytest.mark.parametrize(
    "error", [ModelAuthFailed("key"), ModelUnavailable("quota", retryable=False), ValueError("bug")]
)
async def test_what_cannot_succeed_is_not_retried(ask: Any, error: Exception) -> None:
    clock = Clock()

    with pytest.raises(type(error)):
        await _retry([error], clock).respond(ask())

    assert clock.slept == []


async def test_cancelling_is_not_retried(ask: Any) -> None:
    inner = ScriptedModel([Reply(text="slow", delay=5), "never"])

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(Retry(inner, first_wait=0).respond(ask()), 0.01)

    assert len(inner.requests) == 1


async def test_streamed_pieces_are_not_repeated_behind_the_readers_back(ask: Any) -> None:
    heard: list[Delta] = []

    with pytest.raises(ModelAnswerMalformed, match="broke off"):
        await _retry([BROKE_OFF, "Hello"], Clock()).respond(ask(), on_delta=heard.append)

    assert heard == [Delta(text="Hel")]


async def test_a_sink_that_can_restart_gets_the_answer_anew(ask: Any) -> None:
    screen = Screen()
    model = Retry(Fallback(_retry([BROKE_OFF] * 2, Clock(), attempts=2), ScriptedModel(["Hello"])))

    await model.respond(ask(), on_delta=screen)

    assert screen.text == "Hello"


async def test_the_next_model_answers_when_one_cannot(ask: Any) -> None:
    model = Fallback(ScriptedModel([ModelUnavailable("down")], title="a"), ScriptedModel(["Hi."], title="b"))

    message = await model.respond(ask())

    assert message.content == "Hi."
    assert message.response_metadata["answered_by"] == "b"
    assert model.name_of_model == "a or b"


async def test_when_nobody_answers_every_error_is_told(ask: Any) -> None:
    model = Fallback(
        ScriptedModel([ModelUnavailable("down")], title="a"), ScriptedModel([ModelAuthFailed("no key")], title="b")
    )

    with pytest.raises(ModelAuthFailed, match="no key") as caught:
        await model.respond(ask())

    assert caught.value.__notes__ == ["Before that, a: down"]


@pytest.mark.parametrize("error", [ModelFiltered("filter"), ScriptMismatch("test")])
async def test_decisions_and_mistakes_do_not_fall_back(ask: Any, error: Exception) -> None:
    second = ScriptedModel(["never"])

    with pytest.raises(type(error)):
        await Fallback(ScriptedModel([error]), second).respond(ask())

    assert second.requests == []


async def test_half_an_answer_is_not_finished_by_another_model(ask: Any) -> None:
    with pytest.raises(ModelAnswerMalformed):
        await Fallback(ScriptedModel([BROKE_OFF]), ScriptedModel(["lo"])).respond(ask(), on_delta=lambda delta: None)


async def test_a_burst_goes_at_once_and_the_rest_at_the_rate(ask: Any) -> None:
    clock = Clock()
    model = RateLimit(ScriptedModel(["x"] * 5), rate=2, burst=3, clock=clock, sleep=clock.sleep)

    for _ in range(5):
        await model.respond(ask())

    assert clock.slept == [0.5, 0.5]


async def test_waiting_requests_are_served_in_their_order_on_any_loop(ask: Any) -> None:
    clock = Clock()
    model = RateLimit(ScriptedModel(["x"] * 4), rate=10, clock=clock, sleep=lambda seconds: _note(clock, seconds))

    await asyncio.gather(*(model.respond(ask()) for _ in range(3)))
    await asyncio.to_thread(asyncio.run, model.respond(ask()))

    assert clock.slept == [0.1, 0.2, 0.3]


async def _note(clock: Clock, seconds: float) -> None:
    clock.slept.append(round(seconds, 3))


def _breaker(script: list[Any], clock: Clock) -> CircuitBreaker:
    return CircuitBreaker(ScriptedModel(script), failures=2, cooldown=30, clock=clock)


async def _fail(model: CircuitBreaker, ask: Any, times: int = 2) -> None:
    for _ in range(times):
        with pytest.raises(ModelUnavailable):
            await model.respond(ask())


async def test_a_failing_model_is_left_alone(ask: Any) -> None:
    clock = Clock()
    model = _breaker([ModelUnavailable("down")] * 2, clock)
    await _fail(model, ask)
    clock.now += 10

    with pytest.raises(ModelUnavailable, match="failed 2 times in a row and is left alone for 20 s") as caught:
        await model.respond(ask())

    assert model.state == "open"
    assert caught.value.retry_after == 20


async def test_one_probe_closes_the_circuit(ask: Any) -> None:
    clock = Clock()
    model = _breaker([ModelUnavailable("down")] * 2 + [Reply(text="back", delay=0.01)], clock)
    await _fail(model, ask)
    clock.now += 30

    answers = await asyncio.gather(*(model.respond(ask()) for _ in range(3)), return_exceptions=True)

    assert [type(answer).__name__ for answer in answers] == ["AIMessage", "ModelUnavailable", "ModelUnavailable"]
    assert model.state == "closed"


async def test_a_failed_probe_opens_it_again(ask: Any) -> None:
    clock = Clock()
    model = _breaker([ModelUnavailable("down")] * 3, clock)
    await _fail(model, ask)
    clock.now += 30

    await _fail(model, ask, times=1)

    assert model.state == "open"


async def test_a_cancelled_probe_proves_nothing(ask: Any) -> None:
    clock = Clock()
    model = _breaker([ModelUnavailable("down")] * 2 + [Reply(text="slow", delay=5), "back"], clock)
    await _fail(model, ask)
    clock.now += 30
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(model.respond(ask()), 0.01)

    message = await model.respond(ask())

    assert message.content == "back"


async def test_a_refused_request_does_not_open_the_circuit(ask: Any) -> None:
    model = _breaker([ModelAuthFailed("key")] * 3, Clock())

    for _ in range(3):
        with pytest.raises(ModelAuthFailed):
            await model.respond(ask())

    assert model.state == "closed"


async def test_the_same_request_is_answered_from_memory(ask: Any) -> None:
    inner = ScriptedModel(["one", "two"])
    model = Cached(inner)
    heard: list[str] = []

    first = await model.respond(ask("a"))
    again = await model.respond(ask("a"), on_delta=lambda delta: heard.append(delta.text))
    other = await model.respond(ask("a", params={"temperature": 1}))

    assert [first.content, again.content, other.content] == ["one", "one", "two"]
    assert first.id != again.id
    assert heard == ["one"]
    assert again.response_metadata["cached"] is True
    assert again.usage_metadata is not None
    assert again.usage_metadata["total_tokens"] == 0


async def test_the_answer_used_longest_ago_is_forgotten(ask: Any) -> None:
    inner = ScriptedModel(["a", "b", "c", "b again"])
    model = Cached(inner, size=2)

    for question in ("a", "b", "a", "c", "a", "b"):
        await model.respond(ask(question))

    assert len(inner.requests) == 4


async def test_a_file_remembers_across_processes_and_crashes(tmp_path: Path, ask: Any) -> None:
    path = tmp_path / "cache.jsonl"
    await Cached(ScriptedModel(["one"]), path=path).respond(ask("a"))
    with path.open("a") as file:
        file.write('{"key": "torn')
    await Cached(ScriptedModel(["two"]), path=path).respond(ask("b"))
    model = Cached(ScriptedModel([]), path=path, size=1)

    said = [(await model.respond(ask(question))).content for question in ("a", "b", "a")]

    assert said == ["one", "two", "one"]
    assert json.loads(path.read_text().splitlines()[-1])["answer"]["content"] == "two"


async def test_what_is_taken_from_the_cache_can_be_changed(ask: Any) -> None:
    model = Cached(ScriptedModel(["one"]))
    (await model.respond(ask())).response_metadata["note"] = "mine"

    assert "note" not in (await model.respond(ask())).response_metadata


def test_a_misspelled_setting_is_an_error() -> None:
    with pytest.raises(ValueError, match="atempts"):
        Retry(ScriptedModel(), atempts=3)
