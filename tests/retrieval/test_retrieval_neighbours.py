"""Nearest neighbours of vectors of your own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from graphwright.retrieval import KnowledgeBaseBusy, Neighbours, text_embedder
from graphwright.retrieval.store import _take

CORNERS = np.array([[1, 0, 0], [0.9, 0.1, 0], [0, 1, 0]], dtype=np.float32)


def test_the_nearest_come_first_with_their_cosine_and_are_still_there_when_the_folder_is_opened_again(
    tmp_path: Path,
) -> None:
    with Neighbours(tmp_path) as made:
        made.put(["east", "nearly-east", "north"], CORNERS)

    with Neighbours(tmp_path) as again:
        found = again.nearest(np.array([2, 0, 0]), 2)

        assert [id for id, _ in found] == ["east", "nearly-east"]
        assert found[0][1] == pytest.approx(1.0, abs=1e-5)
        assert found[1][1] == pytest.approx(0.9939, abs=1e-3)


def test_it_gives_no_more_than_there_are_and_nothing_for_a_vector_of_zeros(tmp_path: Path) -> None:
    with Neighbours(tmp_path) as empty:
        assert empty.nearest(np.array([1, 0, 0]), 5) == []
        empty.put(["east", "north"], CORNERS[[0, 2]])

        assert len(empty.nearest(np.array([1, 1, 0]), 50)) == 2
        assert empty.nearest(np.zeros(3), 5) == []
        assert empty.nearest(np.array([1, 0, 0]), 5, among=[]) == []
        assert [id for id, _ in empty.nearest(np.array([1, 0, 0]), 5, among=["north"])] == ["north"]


def test_what_is_put_again_is_replaced(tmp_path: Path) -> None:
    with Neighbours(tmp_path) as made:
        made.put(["a", "b"], CORNERS[:2])
        made.put(["a"], CORNERS[2:])

        assert made.count() == 2
        assert made.nearest(np.array([0, 1, 0]), 1)[0][0] == "a"


def test_sets_of_other_names_and_lengths_live_in_one_folder_apart(tmp_path: Path) -> None:
    with Neighbours(tmp_path, "items") as items, Neighbours(tmp_path, "users") as users:
        items.put(["i"], CORNERS[:1])
        users.put(["u"], np.ones((1, 5), dtype=np.float32))

        assert [id for id, _ in users.nearest(np.ones(5), 3)] == ["u"]


def test_rows_that_do_not_match_the_ids_and_rows_of_zeros_are_refused(tmp_path: Path) -> None:
    with Neighbours(tmp_path) as made:
        with pytest.raises(ValueError, match=r"2 ids need as many rows of vectors, not an array of shape \(3, 3\)"):
            made.put(["a", "b"], CORNERS)
        with pytest.raises(ValueError, match="The vectors of 'b' are all zeros"):
            made.put(["a", "b"], np.array([[1, 0], [0, 0]]))
        assert made.count() == 0


def test_a_folder_that_somebody_else_has_open_is_refused(tmp_path: Path) -> None:
    lock = _take(tmp_path)

    with pytest.raises(KnowledgeBaseBusy, match="is in use by"):
        Neighbours(tmp_path)

    lock.release()


def test_closing_twice_does_nothing(tmp_path: Path) -> None:
    made = Neighbours(tmp_path)

    made.close()
    made.close()

    Neighbours(tmp_path).close()


def test_an_embedder_fitted_to_texts_finds_those_about_the_same() -> None:
    texts = ["a brass lantern for camping", "a tent for camping", "a teapot of enamel"]
    embedder = text_embedder(texts)

    alike = embedder.documents(texts) @ embedder.query("brass lanterns")

    assert int(np.argmax(alike)) == 0
