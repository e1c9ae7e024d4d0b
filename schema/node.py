"""What types are made with: views over models, their ids, and connections of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from operator import attrgetter
from typing import Annotated, Any, ForwardRef, Generic, TypeVar

import strawberry

from models.actor import Permission
from models.base import Row
from models.paging import window
from schema.context import Info, Loaders
from schema.declared import Declared, Expression, Itself, Load, Loads, Pages, Place, Relation, Total, declared

T = TypeVar("T")


def _gid(place: Place) -> str:
    return f"'{place.model.prefix}_' || {place.row}.id"


@strawberry.interface(description="Anything with a global id.")
class Node:
    """Relay's Node."""

    @strawberry.field(
        description="The global id: a type prefix and the key. Opaque to clients.",
        metadata=declared(Expression(_gid, is_plain=True, of=("id",))),
    )
    @staticmethod
    def id(root: strawberry.Parent[Any]) -> strawberry.ID:
        """Prefix and key."""
        gid: strawberry.ID = root.gid
        return gid


NODES: dict[str, type[Any]] = {}  # the model behind each global id's prefix; `view` fills it


def view(model: type[Any], *, description: str) -> Callable[[type[T]], type[T]]:
    """Make a GraphQL type whose values are rows of the model: a plain attribute shows the column of its name."""

    def decorate(cls: type[T]) -> type[T]:
        if issubclass(cls, Node):
            NODES[model.prefix] = model
        cls.shows = model  # type: ignore[attr-defined]  # read by the planner
        cls.is_type_of = staticmethod(lambda value, _info: isinstance(value, model))  # type: ignore[attr-defined]  # read by Strawberry
        return strawberry.type(cls, description=description)

    return decorate


def lazy(node: str) -> Any:
    """A GraphQL type by its module and name, for the types refer to each other."""
    module, _, name = node.rpartition(".")
    return Annotated[ForwardRef(name), strawberry.lazy(module)]


def column(description: str, how: Declared | None = None) -> Any:
    """A field that shows the row's column of the same name, or its property: then `how` says what that is in SQL."""
    return strawberry.field(description=description, metadata=declared(how) if how else None)


def itself(description: str) -> Any:
    """A field that shows the row as another type: its property of the same name answers the row."""
    return column(description, Itself())


def optional(description: str, default: Any = None) -> Any:
    """A field of an input that may be left out."""
    return strawberry.field(description=description, default=default)


@strawberry.type(description="Where a page lies in its connection.")
class PageInfo:
    """Relay's PageInfo."""

    has_next_page: bool = column("Whether rows follow the last of this page.")
    has_previous_page: bool = column("Whether rows precede the first of this page.")
    start_cursor: str | None = column("The cursor of the first row.")
    end_cursor: str | None = column("The cursor of the last row.")


@strawberry.type(description="A row and its place in the connection.")
class Edge(Generic[T]):
    """Relay's edge."""

    cursor: str = column("The row's place: send it as `after` or `before`.")
    node: T = column("The row.")


@strawberry.type(description="A list in pages of at most 100, oldest first.")
class Connection(Generic[T]):
    """Relay's connection, with the rows also without their edges."""

    edges: list[Edge[T]] = column("The page's rows with their cursors.")
    nodes: list[T] = column("The page's rows.")
    page_info: PageInfo = column("Where the page lies.")

    @strawberry.field(description="How many rows there are in all, counted when asked for.", metadata=declared(Total()))
    @staticmethod
    async def total_count(root: strawberry.Parent[Any], info: Info) -> int:
        """Counted in one statement for all parents."""
        return int(await root.total(info.context.loaders))


First = Annotated[int | None, strawberry.argument(description="How many from the start, at most 100; 50 by default.")]
After = Annotated[str | None, strawberry.argument(description="Begin after this cursor.")]
Last = Annotated[int | None, strawberry.argument(description="How many from the end, at most 100.")]
Before = Annotated[str | None, strawberry.argument(description="End before this cursor.")]


def relation(node: str, model: type[Row], key: str, *, description: str) -> Any:
    """A field that shows the row which the parent's column `key` points at; `node` is "module.Type" of its type."""

    def begin(loaders: Loaders) -> Load:
        return Load(loaders.by_key(model), attrgetter(key))

    async def one(root: strawberry.Parent[Any], info: Info) -> Any:
        return await begin(info.context.loaders).of(root)

    how = declared(Relation(model, key), Loads(model, (key,), begin))
    return strawberry.field(resolver=one, description=description, graphql_type=lazy(node), metadata=how)


def derived(  # noqa: PLR0913  two ways to say what is shown
    kind: Any,
    model: type[Row],
    by: str,
    show: Callable[[Any, Any, Any], Any],
    *,
    description: str,
    of: tuple[str, ...] = (),
    takes: tuple[str, ...] = (),
    how: Declared | None = None,
) -> Any:
    """A field of the type `kind` that shows what `show` makes of the actor, the parent and its few rows of `model`.

    They are those whose column `by` is the parent's key, oldest first. `show` takes the columns `of` of the parent, and
    `takes` of the rows; `how` says what it shows in SQL.
    """

    def begin(loaders: Loaders) -> Load:
        return Load(loaders.by_parent(model, by), attrgetter("id"), partial(show, loaders.actor))

    async def one(root: strawberry.Parent[Any], info: Info) -> Any:
        return await begin(info.context.loaders).of(root)

    loads = Loads(model, ("id", *of), begin, takes)
    return strawberry.field(resolver=one, description=description, graphql_type=kind, metadata=declared(how, loads))


def connection(
    node: str, model: type[Row], by: str, *, description: str, filter: type | None = None, permission: Any = None
) -> Any:
    """A field that pages through the parent's rows: those of `model` whose column `by` is the parent's key.

    `node` is "module.Type" of their type, `filter` an input type with `to_model()`. Staff need `permission`, or READ.
    """

    def begin(
        loaders: Loaders,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        filter: Any = None,
    ) -> Load:
        wanted, actor = window(first, after, last, before), loaders.actor
        if permission is not None or not actor.is_candidate:  # a candidate is confined to what is its own
            actor.must(permission or Permission.READ)
        narrowed = filter.to_model() if filter is not None else None
        return Load(loaders.in_pages(model, by, wanted, narrowed), attrgetter("id"))

    async def plain(
        root: strawberry.Parent[Any],
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        return await begin(info.context.loaders, first, after, last, before).of(root)

    async def filtered(  # noqa: PLR0913, PLR0917  Relay's four and the filter
        root: strawberry.Parent[Any],
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Any = None,
    ) -> Any:
        return await begin(info.context.loaders, first, after, last, before, filter).of(root)

    resolver = plain if filter is None else filtered
    if filter is not None:
        described = strawberry.argument(description="Only the rows that fit.")
        filtered.__annotations__["filter"] = Annotated[filter | None, described]
    pages = Pages(model, by, permission or Permission.READ, permission is not None, filter)
    return strawberry.field(
        resolver=resolver,
        description=description,
        graphql_type=Connection[lazy(node)],  # type: ignore[misc]  # made at run time
        metadata=declared(pages, Loads(model, ("id",), begin, ("id",))),
    )
