"""Runs whose agents ask side by side become cases and recordings that replay the same in whatever order they ask."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from pydantic import PrivateAttr

from graphwright.evals import Case, CaseProblem, Observed, Project, load_cases, model_of
from graphwright.evals.project import resources_of
from graphwright.evals.promote import Promoted, promote
from graphwright.evals.replies import Answered
from graphwright.evals.sandbox_run import Sandboxes
from graphwright.evals.scorers import verdict
from graphwright.models import ModelRequest, RecordedModel, Recording
from graphwright.models.asking import asked_at, asking_at
from graphwright.models.script import When
from graphwright.models.scripted import ScriptedModel
from graphwright.models.wrapper import Wrapper
from graphwright.runtime import Runtime

GRAPHS = '''
from graphwright.agents import Agent
from graphwright.graphs import concurrent, graph, map_reduce
from graphwright.tools import tool


@tool(effect="read")
def look(what: str) -> str:
    """Look."""
    return f"seen {what}"


def agent(name):
    return Agent(name=name, description="Answers.", prompt="Answer.", tools=[look])


@graph(description="Three answer the same question.")
def panel():
    return concurrent(agent("one"), agent("two"), agent("three"))


def words(messages):
    return messages[-1].text.split()


def joined(results):
    return "+".join(each["text"] for each in results)


@graph(description="One answers each word.")
def each_word():
    return map_reduce(words, agent("mapper"), joined)
'''
FIRST, LAST = "one three two", "two three one"
"""Who is quick."""


class Paced(Wrapper):
    """Lets places, or the words they ask about, begin in this order."""

    order: list[str]
    asked: list[str]
    _turn: asyncio.Condition = PrivateAttr(default_factory=asyncio.Condition)

    async def respond(self, request: ModelRequest, *, on_delta: Any = None) -> AIMessage:
        known = asked_at().partition("/")[0], request.messages[1].text
        who = next((each for each in known if each in self.order), "")
        before = self.order[: self.order.index(who)] if who else []
        async with self._turn:
            await self._turn.wait_for(lambda: set(before) <= set(self.asked))
            if who not in self.asked:
                self.asked.append(who)
            self._turn.notify_all()
        return await self.inner.respond(request, on_delta=on_delta)


def paced(model: Any, order: str) -> Paced:
    return Paced(model, order=order.split(), asked=[])


def panel_model() -> ScriptedModel:
    """Each of the three looks, then says something of its own; their requests are the same, word for word."""
    looks = {"text": "", "calls": [{"tool": "look", "arguments": {"what": "it"}}]}
    said = [
        {**looks, "at": f"{name}/model"} if turn == 0 else {"text": f"{name} says {turn}", "at": f"{name}/model"}
        for name in ("one", "two", "three")
        for turn in range(2)
    ]
    return model_of(Case.model_validate({"id": "x", "input": "x", "replies": said}))  # type: ignore[no-any-return]  # it is scripted


def words_model() -> ScriptedModel:
    return ScriptedModel([When(word, word.upper(), times=None) for word in ("a10", "a1", "b")])


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "graphs").mkdir()
    (tmp_path / "graphs" / "panels.py").write_text(GRAPHS)
    return tmp_path


def produced(shop: Path, graph: str, text: str, model: Any) -> Promoted:
    """A run as production makes it, then the case made of it."""

    async def run() -> Promoted:
        project = Project(shop)
        entry = project.catalogue.get(graph)
        built, settings = project.build(entry), project.settings(shop / ".graphwright")
        async with Runtime(settings, resources=resources_of(entry, settings)) as runtime:
            started = await runtime.start(entry.name, entry.values(text))
            async for _event in runtime.drive(started.id, built, output=entry.answer, model=model, live=False):
                pass
            return await promote(runtime, started.id, entry, built, case_id="again")

    return asyncio.run(run())


def replayed(
    shop: Path, graph: str, case: Case, order: str, monkeypatch: pytest.MonkeyPatch
) -> tuple[Observed, list[str]]:
    """The case, its places asking in this order, and who asked when."""
    made: list[Paced] = []

    def ordered(case: Case, default: str = "offline", **more: Any) -> Any:
        from graphwright.models import resolve_model

        made.append(paced(resolve_model(model_of(case, default, **more)).model, order))
        return made[-1]

    monkeypatch.setattr("graphwright.evals.sandbox_run.model_of", ordered)
    project = Project(shop)
    entry = project.catalogue.get(graph)
    sandboxes = Sandboxes(project, entry, project.build(entry), shop / "scratch")
    return asyncio.run(sandboxes.observe(case)), made[0].asked


@pytest.mark.parametrize("order", [FIRST, LAST, "three two one"])
def test_a_promoted_run_of_parallel_agents_comes_to_the_same_in_any_order(
    shop: Path, order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = produced(shop, "panel", "Well?", paced(panel_model(), FIRST))

    seen, asked = replayed(shop, "panel", made.case, order, monkeypatch)

    assert made.remarks == ()
    assert asked == order.split()
    assert "two says 1" in seen.answer
    assert verdict(made.case, seen).outcome == "pass", seen.error


@pytest.mark.parametrize("order", ["a1 a10 b", "b a10 a1"])
def test_tasks_of_one_node_side_by_side_are_told_apart_by_what_they_are_asked(
    shop: Path, order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = produced(shop, "each_word", "a1 a10 b", paced(words_model(), "a10 b a1"))

    seen, asked = replayed(shop, "each_word", made.case, order, monkeypatch)

    assert asked == order.split()
    assert {each.when for each in made.case.replies or () if not isinstance(each, str)} == {"a1", "a10", "b"}
    assert seen.answer == "A1+A10+B"
    assert verdict(made.case, seen).outcome == "pass"


def test_a_run_in_which_one_place_asks_is_promoted_in_order_and_plainly(shop: Path) -> None:
    made = produced(shop, "each_word", "b", words_model())

    assert made.case.replies == ("B",)


@pytest.mark.parametrize("order", [FIRST, LAST])
def test_a_recording_of_parallel_agents_that_ask_the_same_gives_each_its_own_answer(
    shop: Path, tmp_path: Path, order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = Case.model_validate({"id": "tape", "input": "Well?"})
    produced(shop, "panel", "Well?", Recording(paced(panel_model(), FIRST), tmp_path / "tape.json"))

    replay = case.model_copy(update={"cassette": "tape.json", "source": f"{tmp_path / 'cases.yaml'}:1"})
    seen, _ = replayed(shop, "panel", replay, order, monkeypatch)

    assert [line for line in seen.answer.splitlines() if "says" in line] == ["one says 1", "two says 1", "three says 1"]


async def test_a_place_that_was_not_recorded_gets_what_no_other_place_has_taken(tmp_path: Path) -> None:
    request = ModelRequest(messages=())
    recording = Recording(ScriptedModel(["from a", "from b"]), tmp_path / "tape.json")
    for place in ("a", "b"):
        with asking_at(place):
            await recording.respond(request)
    model = RecordedModel(tmp_path / "tape.json")

    said = {}
    for place in ("b", "renamed", "b"):
        with asking_at(place):
            said[place] = (await model.respond(request)).text

    assert said == {"b": "from b", "renamed": "from a"}


async def test_a_recording_of_before_there_were_places_is_read_in_order(tmp_path: Path) -> None:
    request = ModelRequest(messages=())
    recording = Recording(ScriptedModel(["first", "second"]), tmp_path / "tape.json")
    said = [(await recording.respond(request)).text for _ in range(2)]
    assert b"place" not in (tmp_path / "tape.json").read_bytes()

    model = RecordedModel(tmp_path / "tape.json")
    with asking_at("somewhere"):
        again = [(await model.respond(request)).text for _ in range(2)]

    assert again == said


def test_addressed_replies_go_on_after_those_that_were_recorded_at_each_place() -> None:
    case = Case.model_validate(
        {"id": "a", "input": "x", "replies": [{"text": each, "at": each[0]} for each in ("a1", "a2", "b1")]}
    )

    async def said(model: ScriptedModel, *places: str) -> list[str]:
        found = []
        for place in places:
            with asking_at(place):
                found.append((await model.respond(ModelRequest(messages=()))).text)
        return found

    assert asyncio.run(said(model_of(case), "b", "a", "a")) == ["b1", "a1", "a2"]
    answered = [Answered("a", "a1"), Answered("b", "b1")]
    assert asyncio.run(said(model_of(case, answered=answered), "a")) == ["a2"]


def test_a_reply_that_was_given_is_not_given_again_where_the_next_is_asked_for_in_the_same_words() -> None:
    shown = [
        {"at": "clerk", "when": when, "text": text} for when, text in (("2 left, 1 done", "list"), ("2 left", "end"))
    ]
    case = Case.model_validate({"id": "a", "input": "x", "replies": shown})
    asked = ModelRequest(messages=[HumanMessage("2 left, 1 done")])

    async def said(model: ScriptedModel) -> str:
        with asking_at("clerk"):
            return (await model.respond(asked)).text

    assert asyncio.run(said(model_of(case))) == "list"
    assert asyncio.run(said(model_of(case, answered=[Answered("clerk", "list")]))) == "end"
    assert asyncio.run(said(model_of(case, answered=[Answered("elsewhere", "list")]))) == "list"


def test_replies_in_order_and_addressed_ones_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "cases.yaml"
    path.write_text("- {id: a, input: x, replies: [first, {text: second, at: a}]}\n")

    with pytest.raises(CaseProblem, match="all in order or all with `when` or `at`"):
        load_cases(path)
