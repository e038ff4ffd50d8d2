"""Which cases are certified: those of the graph and of its suites, and why the others are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from graphwright.evals import Case, CaseProblem
from graphwright.evals.certification.loading import cases_for
from graphwright.graphs import Catalogue, GraphEntry


def entry_of(project: Path) -> GraphEntry:
    return Catalogue.load(project).get("sound")


def loaded(project: Path, *only: str, model: str = "offline", **wanted: Any) -> tuple[list[Case], list[str]]:
    told = {"cases": None, "file": "", "only": only, "model": model, "project": str(project), **wanted}
    return cases_for(entry_of(project), told)


def written(project: Path, name: str, text: str) -> None:
    (project / "evals").mkdir(exist_ok=True)
    (project / "evals" / name).write_text(text)


@pytest.mark.parametrize("name", ["assistant", "research"])
def test_the_cases_of_every_file_of_a_shipped_suite_are_certified(tmp_path: Path, name: str) -> None:
    entry = Catalogue.load(tmp_path).get(name)
    wanted = {"cases": None, "file": "", "only": [], "model": "offline", "project": str(tmp_path)}

    cases, _ = cases_for(entry, wanted)

    files = {Path(case.source.rpartition(":")[0]).name for case in cases}
    assert files == {"cases.yaml", "more_cases.yaml"}


def test_files_that_a_suite_names_are_read_once_and_with_the_suites_model(project: Path) -> None:
    written(project, "sound.yaml", "- {id: mine, input: x}\n")
    written(project, "elsewhere.yaml", "- {id: far, input: x}\n- {id: own, input: x, model: offline}\n")
    written(project, "other.yaml", "- {id: other, input: x}\n")
    written(project, "a-suite.yaml", "graph: sound\ncases: [sound.yaml, elsewhere.yaml]\nmodel: 'recorded:x.json'\n")
    written(project, "b-suite.yaml", "graph: holding\ncases: other.yaml\n")

    cases, remarks = loaded(project)
    chosen, _ = loaded(project, model="scripted")

    assert [(each.id, each.model) for each in cases] == [
        ("mine", "recorded:x.json"),
        ("far", "recorded:x.json"),
        ("own", "offline"),
    ]
    assert [each.model for each in chosen] == [None, None, "offline"]
    assert remarks == []


def test_cases_with_faults_or_real_models_are_skipped_with_the_reason(project: Path) -> None:
    written(
        project,
        "sound.yaml",
        "- {id: good, input: x}\n"
        "- {id: crashes, input: x, faults: [{kind: crash}]}\n"
        "- {id: late, input: x, faults: [{kind: model_error}]}\n"
        "- {id: real, input: x, model: 'openai:gpt-5-mini'}\n",
    )

    cases, remarks = loaded(project)

    assert [each.id for each in cases] == ["good"]
    assert remarks == [
        "2 of the cases are skipped, because they have faults, and certification makes its own: crashes, late.",
        "1 of the cases are skipped, because they ask a real model, which answers otherwise each time: real.",
    ]
    with pytest.raises(CaseProblem, match=r"none of the cases can be certified.*have faults.*crashes"):
        loaded(project, "crashes")


def test_an_id_that_two_suites_use_is_certified_once_and_told(project: Path) -> None:
    written(project, "one.yaml", "- {id: same, input: first}\n")
    written(project, "two.yaml", "- {id: same, input: second}\n")
    for name in ("one", "two"):
        written(project, f"{name}-suite.yaml", f"name: {name}\ngraph: sound\ncases: {name}.yaml\n")

    cases, remarks = loaded(project)

    assert [each.input for each in cases] == ["first"]
    assert "two.yaml is skipped" in remarks[0]
    assert "one.yaml:1 has one of this id" in remarks[0]
