"""Compiled completion: resolvers stay Python, and the walk over a document's selection sets becomes generated code.

The code knows the way that ends well. Whatever else happens (an error, a null where none may be) it does not describe:
it gives up, and graphql-core completes the same results of the root fields, and says what is wrong in its own words.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import graphql as g
import strawberry
from graphql.execution.values import get_argument_values

from models.base import Row
from models.children import Columns
from planner.calls import Call
from planner.driving import settled
from planner.given import Given
from planner.sent import Sent
from planner.sight import Unplanned
from planner.told import Told
from schema.declared import Load, Loads

_SITE = 2_000  # bytes of code and closures for each field in its place, by tracemalloc
T = TypeVar("T")
Step = Callable[[Any, "Run"], Any]
Waiting = list[tuple[Any, dict[str, Any], int]]  # awaitables, and where what they come to is to be put
Parents = Sequence[tuple[Any, dict[str, Any]]]  # with what is answered of each


class GivenUp(Exception):
    """Graphql-core has to complete what was found so far."""


class _Loaded(NamedTuple):
    """A field that is loaded for these parents."""

    at: int
    parents: Parents
    load: Load
    keys: Sequence[UUID]


def _unfinished(value: Any, run: Run) -> Any:
    raise GivenUp


@dataclass
class Site:
    """One field in one place of a document."""

    key: str
    parent: g.GraphQLObjectType
    definition: g.GraphQLField
    nodes: list[g.FieldNode]
    resolve: Callable[..., Any]
    call: Call | None
    is_stepped: bool  # its resolver waits for loaders alone
    complete: Step = _unfinished

    def arguments(self, sent: Sent) -> dict[str, Any]:
        """What its resolver is called with."""
        if self.call is not None:
            return self.call.arguments(sent.read)
        return get_argument_values(self.definition, self.nodes[0], sent.values) if self.definition.args else {}


@dataclass(frozen=True)
class Completion:
    """The generated code of one operation, for variables that include and skip the same."""

    schema: g.GraphQLSchema
    operation: g.OperationDefinitionNode
    fragments: Mapping[str, g.FragmentDefinitionNode]
    begin: Mapping[int, Step]  # by root field
    template: Mapping[str, Any]  # the data's keys in their order, with what is known of them already
    sites: Sequence[Site]
    given: Sequence[Given]
    loads: Mapping[int, Loads]  # in place of the resolvers of these fields
    columns: Mapping[type[Row], Columns]  # that are read of rows which are loaded

    @property
    def size(self) -> int:
        """How much room it takes, in characters."""
        return _SITE * len(self.sites)

    @cached_property
    def coerces(self) -> bool:
        """Whether some arguments are read as graphql-core does."""
        return any(site.call is None and site.definition.args for site in self.sites)

    async def run(self, sent: Sent, root: Any, context: Any, memo: dict[str, Any]) -> dict[str, Any]:
        """The data. Raises GivenUp; `memo` has then what the root fields' resolvers answered, or raised."""
        run = Run(self, sent, root, context)
        data, one_by_one = dict(self.template), self.operation.operation is g.OperationType.MUTATION
        for roots in [[at] for at in self.begin] if one_by_one else [list(self.begin)]:
            await run.through(roots, data, memo)
        return data


@dataclass
class Run:
    """One use of the code."""

    completion: Completion
    sent: Sent
    root: Any
    context: Any
    waiting: Waiting = field(default_factory=list)

    def __post_init__(self) -> None:
        sites = self.completion.sites
        self._arguments: list[dict[str, Any] | None] = [None] * len(sites)
        self._infos: list[Told | None] = [None] * len(sites)
        self._shown: list[strawberry.Info[Any, Any] | None] = [None] * len(sites)
        self.parents: dict[int, list[tuple[Any, dict[str, Any]]]] = {  # whose fields are to be loaded
            at: [] for at in self.completion.loads
        }

    async def through(self, roots: Sequence[int], data: dict[str, Any], memo: dict[str, Any]) -> None:
        """Fill in these root fields, resolved side by side."""
        sites = self.completion.sites
        started = []
        for at in roots:
            self.given(at)  # all of them are right, or nothing is done
        for at in roots:
            try:
                started.append(self.completion.begin[at](self.root, self))
            except Exception as failure:
                started.append(failure)
        found = await settled([(one, False) for one in started])
        memo |= {sites[at].key: value for at, value in zip(roots, found, strict=True)}
        for at, value in zip(roots, found, strict=True):
            data[sites[at].key] = await self._gently(self._completed, at, value)
        while self.waiting or any(self.parents.values()):
            await self._level()

    async def _level(self) -> None:
        """All that the rows so far are waiting for, at once."""
        sites, level, self.waiting = self.completion.sites, self.waiting, []
        started = [(awaitable, sites[at].is_stepped) for awaitable, _, at in level]
        with self._giving_up():
            loaded = await self._gently(self._all_wanted)
        loaders = {id(one.load.loader): one.load.loader for one in loaded}
        values = await settled([*started, *((one.filled(), False) for one in loaders.values())])
        with self._giving_up():
            await self._gently(self._fill_in, level, values, loaded)

    def _all_wanted(self) -> list[_Loaded]:
        loaded = [self._wanted(at, parents) for at, parents in self.parents.items() if parents]
        self.parents = {at: [] for at in self.parents}
        return loaded

    def _fill_in(self, level: Waiting, values: Sequence[Any], loaded: Sequence[_Loaded]) -> None:
        for (_, out, at), value in zip(level, values, strict=False):
            out[self.completion.sites[at].key] = self._completed(at, value)
        for one in loaded:
            self._fill(one)

    def _wanted(self, at: int, parents: Parents) -> _Loaded:
        load = self.completion.loads[at].begin(self.context.loaders.reading(self.completion.columns), **self.given(at))
        keys = [load.key(parent) for parent, _ in parents]
        load.loader.want(keys)
        return _Loaded(at, parents, load, keys)

    def _fill(self, loaded: _Loaded) -> None:
        site, shown, found = self.completion.sites[loaded.at], loaded.load.shown, loaded.load.loader.found
        complete, key = site.complete, site.key
        for (parent, out), at in zip(loaded.parents, loaded.keys, strict=True):
            value = found[at]
            if isinstance(value, Exception):
                raise GivenUp
            out[key] = complete(value if shown is None else shown(parent, value), self)

    async def _gently(self, work: Callable[..., T], *given: Any) -> T:
        """What the work comes to; in a thread if there may be many rows."""
        return await asyncio.to_thread(work, *given) if self.sent.are_long else work(*given)

    def _completed(self, at: int, value: Any) -> Any:
        if isinstance(value, Exception):
            self._forget()
            raise GivenUp
        try:
            return self.completion.sites[at].complete(value, self)
        except Exception as failure:
            self._forget()
            raise GivenUp from failure

    @contextmanager
    def _giving_up(self) -> Iterator[None]:
        """Whatever goes wrong inside, nobody waits any more."""
        try:
            yield
        except Exception as failure:
            self._forget()
            raise GivenUp from failure

    def _forget(self) -> None:
        for awaitable, _, _ in self.waiting:
            awaitable.close()
        self.waiting = []

    def given(self, at: int) -> dict[str, Any]:
        """What the field's resolver is called with. Raises GivenUp for what is wrong."""
        arguments = self._arguments[at]
        if arguments is None:
            try:
                arguments = self._arguments[at] = self.completion.sites[at].arguments(self.sent)
            except (Unplanned, g.GraphQLError) as wrong:
                raise GivenUp from wrong
        return arguments

    def wait(self, awaitable: Any, out: dict[str, Any], at: int) -> None:
        """Fill in the field later."""
        out[self.completion.sites[at].key] = None  # its place
        self.waiting.append((awaitable, out, at))

    def info(self, at: int) -> Told:
        """What resolvers are told of the field: the same for all its parents."""
        known = self._infos[at]
        if known is None:
            known = self._infos[at] = Told(self, self.completion.sites[at])
        return known

    def shown(self, at: int) -> strawberry.Info[Any, Any]:
        """The same as Strawberry has it."""
        known = self._shown[at]
        if known is None:
            info: Any = self.info(at)
            call: Any = self.completion.sites[at].call
            known = self._shown[at] = strawberry.Info(_raw_info=info, _field=call.field)
        return known
