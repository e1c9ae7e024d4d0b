"""From a database's rows to ours: what Tortoise does for every kind of field, once it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar

from tortoise import Model, fields
from tortoise.fields.data import CharEnumFieldInstance

from models.chance import Key

R = TypeVar("R", bound=Model)
Convert = Callable[[Any], Any]

_AS_READ = (fields.CharField, fields.TextField, fields.IntField, fields.BigIntField, fields.FloatField)
_IN_SECONDS, _FINER = len("2026-01-02 03:04:05+00:00"), len("2026-01-02 03:04:05.000006+00:00")
_KEY = "Key(value) if type(value) is str else value"  # what `key` does, without a call for each row
_NEW = {"_partial": False, "_saved_in_db": False, "_custom_generated_pk": False}


class _Column:
    """An attribute that a row does not have yet: what its column holds becomes ours when it is first asked for."""

    def __init__(self, name: str, column: str, convert: Convert | None) -> None:
        self._name, self._column, self._convert = name, column, convert

    def __get__(self, row: Any, model: Any = None) -> Any:
        """The value, which from now on is the row's own. Raises AttributeError for a row that was never read."""
        own = row.__dict__
        try:
            places, stored = own["_stored"]
            value = stored[places[self._column]]
        except KeyError:
            raise AttributeError(self._name) from None
        own[self._name] = value = value if self._convert is None else self._convert(value)
        return value


def made(model: type[R], rows: Sequence[Any]) -> list[R]:
    """The model's objects, of a driver's rows with all of its columns; most of these are never asked for."""
    return list(map(maker(model, tuple(rows[0].keys())), rows)) if rows else []


@cache
def maker(model: type[R], columns: tuple[str, ...], first: int = 0) -> Callable[[Sequence[Any]], R]:
    """What makes an object of a row in which these columns come one after the other, from this place on."""
    fresh = _fresh(model)
    places = {column: at for at, column in enumerate(columns, first)}

    def make(row: Sequence[Any]) -> R:
        one = model.__new__(model)
        own = one.__dict__
        own.update(fresh)
        own["_await_when_save"] = {}
        own["_stored"] = places, row
        return one

    return make


@cache
def looked_at(model: type[R], columns: tuple[str, ...], first: int) -> Callable[[Sequence[Any]], R]:
    """The same for a row of which nothing else is known and all of this is asked for: it is ours at once."""
    lines = ["def make(row):", " one = new(model)", " own = one.__dict__", " own.update(fresh)"]
    lines.append(" own['_await_when_save'] = {}")
    names: dict[str, Any] = {"new": model.__new__, "model": model, "Key": Key, "fresh": _fresh(model)}
    for at, name in enumerate(columns, first):
        column = model._meta.fields_map[name]  # noqa: SLF001  Tortoise has no public way
        lines += [f" value = row[{at}]", f" own[{name!r}] = {_converted(column, f'convert_{at}', names)}"]
    exec("\n".join([*lines, " return one"]), names)  # noqa: S102  a line for each column
    make: Callable[[Sequence[Any]], R] = names["make"]
    return make


def _converted(column: fields.Field[Any], convert: str, names: dict[str, Any]) -> str:
    """Python for what `value` in the column is to us; what it calls is put among the names."""
    names[convert] = to_ours = _convert(column)
    if to_ours is None:
        return "value"
    return _KEY if to_ours is key else f"None if value is None else {convert}(value)"


@cache
def showing(model: type[R], columns: tuple[str, ...]) -> Callable[[Iterable[Any]], list[R]]:
    """Makes objects of rows that begin with these columns. They have nothing else: they are shown, and never saved."""
    _fresh(model)
    of = model._meta.fields_db_projection  # noqa: SLF001  Tortoise has no public way
    names: dict[str, Any] = {"new": model.__new__, "model": model, "Key": Key}
    names["places"] = {of[name]: at for at, name in enumerate(columns)}
    lines = ["def made(rows):", " found = []", " for row in rows:", "  one = new(model)", "  own = one.__dict__"]
    lines.append("  own['_stored'] = places, row")
    for at, name in enumerate(columns):
        column = model._meta.fields_map[name]  # noqa: SLF001  Tortoise has no public way
        if isinstance(column, fields.DatetimeField):
            lines.append(f"  if row[{at}] is None: own[{name!r}] = None")  # else nearly always shown as it is stored
            continue
        lines += [f"  value = row[{at}]", f"  own[{name!r}] = {_converted(column, f'convert_{at}', names)}"]
    exec("\n".join([*lines, "  found.append(one)", " return found"]), names)  # noqa: S102  a line for each column
    made: Callable[[Iterable[Any]], list[R]] = names["made"]
    return made


def moment(row: Any, name: str) -> Any:
    """The moment in the row's column as the API says it; whatever else is there as it is."""
    own = row.__dict__
    if name not in own and "_stored" in own:
        places, stored = own["_stored"]
        text = stored[places[name]]
        if type(text) is str and _is_usual(text):
            return text.replace(" ", "T")
    value = getattr(row, name)
    return value.isoformat() if type(value) is datetime else value


def _is_usual(moment: str) -> bool:
    """Whether it says what isoformat says, but for the space."""
    if moment[-6:] != "+00:00":
        return False
    return len(moment) == _IN_SECONDS or (len(moment) == _FINER and moment[19:26] != ".000000")


def new(model: type[R], **values: Any) -> R:
    """An object that is in no table yet, of values that are right as they are; the others are the model's defaults."""
    constants, computed = _defaults(model, tuple(values))
    one = model.__new__(model)
    own = one.__dict__
    own.update(constants)
    own["_await_when_save"] = {}
    for name, default in computed:
        own[name] = default()
    own.update(values)
    return one


def like(pattern: R, **changes: Any) -> R:
    """Another object, which differs from the first in these columns: much quicker than to make it anew."""
    other = type(pattern).__new__(type(pattern))
    other.__dict__.update(pattern.__dict__, **changes)
    return other


@cache
def _fresh(model: type[Model]) -> Mapping[str, Any]:
    """What every object of the model begins with; from now on its class knows the columns."""
    meta = model._meta  # noqa: SLF001  as Tortoise's own does
    if not meta._inited:  # noqa: SLF001
        raise RuntimeError(f"Tortoise does not know yet which columns {model.__name__} has.")
    for name, column in meta.fields_db_projection.items():
        setattr(model, name, _Column(name, column, _convert(meta.fields_map[name])))
    has_own_key = meta.db_pk_column not in meta.generated_db_fields
    return {"_partial": False, "_saved_in_db": True, "_custom_generated_pk": has_own_key}


@cache
def _defaults(model: type[Model], given: tuple[str, ...]) -> tuple[dict[str, Any], list[tuple[str, Callable[[], Any]]]]:
    """What every object of the model begins with, and what makes the other values that are not given."""
    names = model._meta.fields_db_projection  # noqa: SLF001
    if not set(given) <= names.keys():
        raise TypeError(f"{model.__name__} has no such columns: {sorted(given)}")
    stated = [(name, model._meta.fields_map[name].default) for name in names if name not in given]  # noqa: SLF001
    computed = [(name, default) for name, default in stated if callable(default)]
    return {**_NEW, **{name: default for name, default in stated if not callable(default)}}, computed


def _convert(field: fields.Field[Any]) -> Convert | None:
    match field:
        case fields.UUIDField():
            return key
        case fields.DatetimeField():
            return _moment
        case CharEnumFieldInstance(enum_type=members):
            return {None: None, **{member.value: member for member in members}}.__getitem__
        case fields.BooleanField():
            return _truth
    return None if type(field) in _AS_READ else field.to_python_value


def key(value: Any) -> Any:
    """A key as the driver has it."""
    return Key(value) if type(value) is str else value


def _moment(value: str | datetime | None) -> datetime | None:
    if value is None:
        return None
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


def _truth(value: int | None) -> bool | None:
    return None if value is None else bool(value)
