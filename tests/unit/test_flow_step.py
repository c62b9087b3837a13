"""Which methods are a flow's steps, and in which order."""

from __future__ import annotations

from typing import Any

from wireswarm import Flow, step
from wireswarm.flows.step import steps_of


class Base(Flow[Any]):
    @step
    def zebra(self) -> None: ...

    def helper(self) -> None: ...

    @step
    def ant(self) -> None: ...

    @step
    def mole(self) -> None: ...


def test_steps_are_in_the_order_of_their_definition() -> None:
    assert Base.steps == ("zebra", "ant", "mole")


def test_a_mark_leaves_the_method_as_it_is() -> None:
    def method(self: object) -> str:
        return "done"

    assert step(method) is method
    assert method(None) == "done"


def test_a_subclass_adds_its_steps_behind_those_of_its_base() -> None:
    class More(Base):
        @step
        def added(self) -> None: ...

    assert More.steps == ("zebra", "ant", "mole", "added")
    assert Base.steps == ("zebra", "ant", "mole")


def test_an_overridden_step_keeps_its_place() -> None:
    class Other(Base):
        @step
        def last(self) -> None: ...

        @step
        def ant(self) -> None: ...

    assert Other.steps == ("zebra", "ant", "mole", "last")


def test_an_override_without_the_mark_takes_the_step_away() -> None:
    class Shorter(Base):
        def ant(self) -> None: ...

    class Again(Shorter):
        @step
        def ant(self) -> None: ...

    assert Shorter.steps == ("zebra", "mole")
    assert Again.steps == ("zebra", "ant", "mole")


def test_steps_of_a_mixin_that_is_no_flow_count() -> None:
    class Mixin:
        @step
        def mixed(self) -> None: ...

    class Mixed(Mixin, Base): ...

    assert Mixed.steps == ("zebra", "ant", "mole", "mixed")


def test_a_class_without_any_has_none() -> None:
    assert steps_of(object) == ()
