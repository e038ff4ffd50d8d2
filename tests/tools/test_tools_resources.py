"""Resources: made at first use, once, for all threads, closed in reverse."""

from __future__ import annotations

import threading
import time

import pytest

from graphwright.tools import ResourceMissing, Resources, ToolDeclarationError

closed: list[str] = []


class Store:
    def __init__(self, name: str = "store") -> None:
        self.name = name

    def close(self) -> None:
        closed.append(self.name)


class Client:
    def __init__(self, store: Store) -> None:
        self.store = store

    async def aclose(self) -> None:
        closed.append("client")


class Bad:
    def close(self) -> None:
        raise OSError("stuck")


def test_a_resource_is_made_at_first_use_and_once_for_all_threads() -> None:
    made: list[int] = []

    def slow() -> Store:
        made.append(1)
        time.sleep(0.05)
        return Store()

    resources, found = Resources(), []
    resources.provide(Store, slow)
    assert made == []

    threads = [threading.Thread(target=lambda: found.append(resources.get(Store))) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert made == [1]
    assert len({id(one) for one in found}) == 1


def test_a_missing_resource_says_what_there_is_and_what_to_do() -> None:
    resources = Resources()
    resources.provide(Store, Store)

    with pytest.raises(ResourceMissing, match=r"No Client was provided\. There are: Store\. Add resources\.provide"):
        resources.get(Client)
    assert resources.find(Client) is None


async def test_what_was_made_is_closed_in_reverse_and_a_failure_stops_nobody() -> None:
    closed.clear()
    resources = Resources()
    resources.provide(Store, Store)
    resources.provide(Client, lambda: Client(resources.get(Store)))
    resources.provide(Bad, Bad)
    resources.get(Client)
    resources.get(Bad)

    with pytest.raises(ExceptionGroup, match="did not close"):
        await resources.aclose()

    assert closed == ["client", "store"]
    with pytest.raises(ResourceMissing, match="after the resources were closed"):
        resources.get(Store)
    await resources.aclose()


def test_a_factory_that_fails_is_asked_again() -> None:
    answers = iter([OSError("down"), None])

    def make() -> Store:
        if error := next(answers):
            raise error
        return Store()

    resources = Resources()
    resources.provide(Store, make)

    with pytest.raises(OSError, match="down"):
        resources.get(Store)
    assert resources.get(Store).name == "store"


def test_factories_that_need_each_other_are_refused() -> None:
    resources = Resources()
    resources.provide(Store, lambda: Store(str(resources.get(Client))))
    resources.provide(Client, lambda: Client(resources.get(Store)))

    with pytest.raises(ToolDeclarationError, match="in a circle: Store -> Client -> Store"):
        resources.get(Store)


def test_a_provider_can_be_replaced_until_it_was_used() -> None:
    resources = Resources()
    resources.provide(Store, Store)
    resources.provide(Store, lambda: Store("second"))

    assert resources.get(Store).name == "second"
    with pytest.raises(ToolDeclarationError, match="in use already"):
        resources.provide(Store, Store)
