"""Router: code decides where it can, a model where it cannot, and what neither finds has a place to go."""

from __future__ import annotations

import re
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from graphwright.graphs import ParticipantFailed, PatternDeclarationError, chooser, router, sequential
from graphwright.models import OfflineModel, ScriptedModel
from graphwright.models.script import calls
from graphwright.runtime import RunContext


async def run(graph: Any, text: str, **context: Any) -> dict[str, Any]:
    compiled = graph.compile()
    return await compiled.ainvoke({"messages": [HumanMessage(text)]}, context=RunContext(**context))


@pytest.mark.parametrize(
    ("text", "who", "by"),
    [
        ("I want a REFUND", "billing", "rule 1"),
        ("it crashed", "technical", "rule 2"),
        ("a refund since it crashed", "billing", "rule 1"),
        ("hello", "technical", "default"),
    ],
)
async def test_the_first_rule_that_fits_decides(works: Any, text: str, who: str, by: str) -> None:
    there = [works.agent("billing", "B"), works.agent("technical", "T")]
    rules = [("refund", "billing"), (lambda text: "crash" in text, "technical")]

    done = await run(router(there, rules=rules, default="technical"), text)

    assert (done["active"], done["chosen_by"], done["route"]) == (who, by, [who])
    assert done["messages"][-1].name == who


async def test_a_compiled_pattern_keeps_its_own_flags(works: Any) -> None:
    there = [works.agent("billing", "B"), works.agent("technical", "T")]

    done = await run(router(there, rules=[(re.compile("refund"), "billing")], default="technical"), "REFUND")

    assert done["active"] == "technical"


async def test_rules_read_the_newest_message_of_a_person(works: Any) -> None:
    there = [works.agent("billing", "B"), works.agent("technical", "T")]
    graph = router(there, rules=[("refund", "billing")], default="technical").compile()

    done = await graph.ainvoke(
        {"messages": [HumanMessage("refund"), AIMessage("done"), HumanMessage("it crashed"), AIMessage("a refund?")]}
    )

    assert done["active"] == "technical"


async def test_the_model_chooses_by_descriptions_where_no_rule_fits(works: Any) -> None:
    there = [works.agent("billing", "B"), works.agent("technical", "T")]
    model = ScriptedModel([{"name": "technical"}])

    done = await run(router(there, rules=[("refund", "billing")], model=chooser()), "help", model=model)

    request = model.requests[0]
    assert "- billing: Does billing." in request.messages[0].text
    assert request.output["properties"]["name"]["enum"] == ["billing", "technical"]
    assert (done["active"], done["chosen_by"]) == ("technical", "router")


async def test_a_choice_that_there_is_not_is_sent_back_once(works: Any) -> None:
    there = [works.agent("billing", "B"), works.agent("technical", "T")]
    model = ScriptedModel([{"name": "biling"}, {"name": "billing"}])

    done = await run(router(there, model=chooser()), "help", model=model)

    assert "There is no 'biling'. Choose one of: billing, technical." in model.requests[1].messages[-1].text
    assert done["active"] == "billing"


async def test_two_wrong_choices_go_to_the_default(works: Any) -> None:
    there = [works.agent("billing", "B"), works.agent("technical", "T")]
    model = ScriptedModel([{"name": "x"}, "not even JSON"])

    done = await run(router(there, model=chooser(), default="billing"), "help", model=model)

    assert (done["active"], done["chosen_by"]) == ("billing", "default")


async def test_without_a_default_it_stops_and_says_so(works: Any) -> None:
    done = await run(router([works.agent("billing")], rules=[("refund", "billing")]), "hello")

    assert done["failed"]
    assert "no rule fits, and there is no default among billing" in done["ended"]
    assert done["messages"][-1].text.startswith("Stopped.")


async def test_the_offline_model_chooses_too(works: Any) -> None:
    there = {"refunds": works.agent("billing", "B"), "crashes": works.agent("technical", "T")}

    done = await run(router(there, model=chooser(), default="refunds"), "Who looks at crashes?", model=OfflineModel())

    assert done["active"] in ("refunds", "crashes")
    assert done["messages"][-1].text in ("B", "T")


async def test_one_that_says_nothing_ends_the_run(works: Any) -> None:
    with pytest.raises(ParticipantFailed, match="'billing' failed: It ended without an answer"):
        await run(router([works.agent("billing", "")], rules=[("", "billing")]), "x")


def paying(works: Any) -> Any:
    def build(script: Any) -> Any:
        clerk = works.agent("clerk", *script.get("clerk", ()), tools=[works.pay])
        inner = router([clerk, works.agent("other")], model=works.agent("inner_chooser", *script.get("choice", ())))
        stages = sequential(inner, works.agent("last", *script.get("last", ())), name="stages")
        return router([stages], rules=[("", "stages")], name="outer")

    return build


BEFORE = {"choice": [{"name": "clerk"}], "clerk": [calls("pay", amount=5)]}
AFTER = {"clerk": ["paid"], "last": ["done"]}


async def test_an_approval_two_deep_waits_and_neither_choice_nor_turn_is_asked_again(works: Any) -> None:
    done = await works.through_approval(paying(works), BEFORE, AFTER)

    assert (done.status, done.output, works.paid) == ("done", "done", [5])


async def test_a_fork_chooses_again_and_a_replay_does_not(works: Any) -> None:
    build = paying(works)
    done = await works.through_approval(build, BEFORE, AFTER)

    replayed = await works.replay(done, build({}))
    forked = await works.fork_before(done, build({}), "stages")
    await works.drive(forked, build({"choice": [{"name": "other"}], "clerk": []} | {"last": ["x"]}))

    assert replayed.verdict == "same"
    ended = await works.now(forked)
    assert ended.status == "failed"  # the other one has nothing to say: it was asked, and the clerk was not
    assert works.paid == [5]


def test_everything_wrong_is_told_at_once(works: Any) -> None:
    with pytest.raises(PatternDeclarationError) as found:
        router([works.agent("billing"), works.agent("route")], rules=[("(", "biling"), (3, "x")], default="nobody")  # type: ignore[list-item]

    text = str(found.value)
    for words in (
        "Did you mean 'billing'?",
        "no participant 'nobody'",
        "'route' cannot be used",
        "rule 1 cannot be read",
        "Rule 2 has a int",
    ):
        assert words in text


def test_a_router_without_rules_and_model_cannot_decide(works: Any) -> None:
    with pytest.raises(PatternDeclarationError, match="Nothing decides"):
        router([works.agent("billing")], default="billing")
