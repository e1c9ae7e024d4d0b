"""What types are made with: views over models, their ids, and connections of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ForwardRef, Generic, TypeVar
from uuid import UUID

import strawberry

from models.actor import Permission
from models.base import Row
from models.paging import Page, Window, window
from schema.context import Info
from schema.declared import Declared, Expression, Itself, Pages, Place, Relation, declared

T = TypeVar("T")


def _gid(place: Place) -> str:
    return f"'{place.model.prefix}_' || {place.row}.id"


@strawberry.interface(description="Anything with a global id.")
class Node:
    """Relay's Node."""

    @strawberry.field(
        description="The global id: a type prefix and the key. Opaque to clients.",
        metadata=declared(Expression(_gid, is_plain=True)),
    )
    @staticmethod
    def id(root: strawberry.Parent[Any]) -> strawberry.ID:
        """Prefix and key."""
        return strawberry.ID(root.gid)


NODES: dict[str, type[Any]] = {}  # the model behind each global id's prefix; `view` fills it


def view(model: type[Any], *, description: str) -> Callable[[type[T]], type[T]]:
    """Make a GraphQL type whose values are rows of the model: a plain attribute shows the column of its name."""

    def decorate(cls: type[T]) -> type[T]:
        if issubclass(cls, Node):
            NODES[model.prefix] = model
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

    @strawberry.field(description="How many rows there are in all, counted when asked for.")
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

    async def one(root: strawberry.Parent[Any], info: Info) -> Any:
        return await info.context.loaders.one(model, getattr(root, key))

    return strawberry.field(
        resolver=one, description=description, graphql_type=lazy(node), metadata=declared(Relation(model, key))
    )


def connection(
    node: str, model: type[Row], by: str, *, description: str, filter: type | None = None, permission: Any = None
) -> Any:
    """A field that pages through the parent's rows: those of `model` whose column `by` is the parent's key.

    `node` is "module.Type" of their type, `filter` an input type with `to_model()`. Staff need `permission`, or READ.
    """

    async def page(root: Any, info: Info, wanted: Window, chosen: Any = None) -> Page[Any]:
        actor = info.context.actor
        if permission is not None or not actor.is_candidate:  # a candidate is confined to what is its own
            actor.must(permission or Permission.READ)
        key: UUID = root.id
        narrowed = chosen.to_model() if chosen is not None else None
        return await info.context.loaders.page(model, by, key, wanted, narrowed)

    async def plain(
        root: strawberry.Parent[Any],
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        return await page(root, info, window(first, after, last, before))

    async def filtered(  # noqa: PLR0913, PLR0917  Relay's four and the filter
        root: strawberry.Parent[Any],
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Any = None,
    ) -> Any:
        return await page(root, info, window(first, after, last, before), filter)

    resolver = plain if filter is None else filtered
    if filter is not None:
        described = strawberry.argument(description="Only the rows that fit.")
        filtered.__annotations__["filter"] = Annotated[filter | None, described]
    pages = Pages(model, by, permission or Permission.READ, permission is not None, filter)
    return strawberry.field(
        resolver=resolver,
        description=description,
        graphql_type=Connection[lazy(node)],  # type: ignore[misc]  # made at run time
        metadata=declared(pages),
    )
