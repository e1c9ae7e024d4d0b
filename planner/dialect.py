"""How the two databases write a value as JSON text, to the byte as orjson writes what graphql-core answers."""

from __future__ import annotations

from typing import Protocol

from tortoise import fields

from models.labels import LabelsField


class Dialect(Protocol):
    """What SQL of one database is made of. Every method takes an expression and answers one that is text."""

    def parameter(self, number: int) -> str:
        """The value with this number, counted from 1."""

    def joined(self, select: str, *, backwards: bool) -> str:
        """The texts `x` of the rows of `select`, in the order of their keys `k`, with commas between them.

        `backwards` says that `select` has them in the opposite order.
        """

    def quoted(self, text: str) -> str:
        """A JSON string of any text."""

    def moment(self, at: str) -> str:
        """A JSON string of a moment, as Python's isoformat writes it."""

    def number(self, float_: str) -> str:
        """A JSON number of the float in a column, as Python's repr writes it."""

    def boolean(self, holds: str) -> str:
        """A JSON boolean."""

    def text(self, plain: str) -> str:
        """What needs no quoting: an integer, a UUID."""

    def texts(self, kept: str) -> str:
        """A JSON array of the texts in a column that keeps them as JSON."""

    def document(self, kept: str) -> str:
        """The JSON that a column keeps. Raises KeyError where the database writes it in its own way."""

    def cursor(self, key: str) -> str:
        """A row's place in its connection."""

    def refused(self, row: str) -> str:
        """What fails if it is evaluated: the row is not to be seen, and the next tier says so."""

    def among(self, column: str, parameter: str) -> str:
        """Whether the column has one of the keys."""

    def each(self, parameter: str) -> str:
        """A table `one` of the keys, with the columns `key`, by which they are in order, and `value`."""


class Sqlite:
    """SQLite; `float_text` and `cursor_text` are functions of models/reading.py."""

    def parameter(self, number: int) -> str:
        """See Dialect."""
        return f"?{number}"

    def joined(self, select: str, *, backwards: bool) -> str:
        """See Dialect: the rows are taken as they come, and they come in the order of the ORDER BY beneath."""
        rows = f"SELECT x FROM ({select}) ORDER BY k" if backwards else select
        return f"SELECT group_concat(x, ',') FROM ({rows})"

    def quoted(self, text: str) -> str:
        """See Dialect."""
        return f"json_quote({text})"

    def moment(self, at: str) -> str:
        """See Dialect."""
        return f"""'"' || replace({at}, ' ', 'T') || '"'"""

    def number(self, float_: str) -> str:
        """See Dialect: SQLite itself writes fifteen digits at most, which is enough for whole numbers."""
        whole = f"{float_} = CAST({float_} AS INTEGER) AND {float_} <> 0 AND abs({float_}) < 1e15"
        return f"CASE WHEN {whole} THEN printf('%.1f', {float_}) ELSE float_text({float_}) END"

    def boolean(self, holds: str) -> str:
        """See Dialect."""
        return f"CASE {holds} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END"

    def text(self, plain: str) -> str:
        """See Dialect."""
        return plain

    def texts(self, kept: str) -> str:
        """See Dialect."""
        return f"json({kept})"

    def document(self, kept: str) -> str:
        """See Dialect: it was written by orjson, and `json` leaves all but spaces as it is."""
        return f"json({kept})"

    def cursor(self, key: str) -> str:
        """See Dialect."""
        return f"cursor_text({key})"

    def refused(self, row: str) -> str:
        """See Dialect."""
        return "json('refused')"

    def among(self, column: str, parameter: str) -> str:
        """See Dialect."""
        return f"{column} IN (SELECT value FROM json_each({parameter}))"

    def each(self, parameter: str) -> str:
        """See Dialect."""
        return f"json_each({parameter}) one"


class Postgres:
    """PostgreSQL."""

    def parameter(self, number: int) -> str:
        """See Dialect."""
        return f"${number}"

    def joined(self, select: str, *, backwards: bool) -> str:
        """See Dialect."""
        rows = f"SELECT x FROM ({select}) page ORDER BY k" if backwards else select
        return f"SELECT string_agg(x, ',') FROM ({rows}) rows"

    def quoted(self, text: str) -> str:
        """See Dialect."""
        return f"to_json({text}::text)::text"

    def moment(self, at: str) -> str:
        """See Dialect."""
        whole = f"""to_char({at} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS')"""
        exact = f"""to_char({at} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US')"""
        split = f"CASE WHEN date_trunc('second', {at}) = {at} THEN {whole} ELSE {exact} END"
        return f"""'"' || {split} || '+00:00"'"""

    def number(self, float_: str) -> str:
        """See Dialect: what Python writes with an exponent is left to it."""
        usual = f"{float_} = 0 OR abs({float_}) BETWEEN 0.0001 AND 1e15"
        whole = f"{float_}::text || CASE WHEN {float_} = floor({float_}) THEN '.0' ELSE '' END"
        return f"CASE WHEN {float_} IS NULL THEN NULL WHEN {usual} THEN {whole} ELSE {self.refused(float_)} END"

    def boolean(self, holds: str) -> str:
        """See Dialect."""
        return f"CASE {holds} WHEN true THEN 'true' WHEN false THEN 'false' END"

    def text(self, plain: str) -> str:
        """See Dialect."""
        return f"({plain})::text"

    def texts(self, kept: str) -> str:
        """See Dialect: an array of SQL is written without spaces."""
        return f"to_json(ARRAY(SELECT jsonb_array_elements_text(({kept})::jsonb)))::text"

    def document(self, kept: str) -> str:
        """See Dialect: jsonb has spaces, and numbers as they were sent."""
        raise KeyError(kept)

    def cursor(self, key: str) -> str:
        """See Dialect."""
        return f"rtrim(translate(encode(uuid_send({key}), 'base64'), '+/', '-_'), '=')"

    def refused(self, row: str) -> str:
        """See Dialect."""
        return f"('refused' || ({row})::text)::integer::text"

    def among(self, column: str, parameter: str) -> str:
        """See Dialect."""
        return f"{column} = ANY({parameter})"

    def each(self, parameter: str) -> str:
        """See Dialect."""
        return f"unnest({parameter}::uuid[]) WITH ORDINALITY AS one (value, key)"


def json_of(dialect: Dialect, kind: str, value: str) -> str:
    """The value as JSON text, for a column of this GraphQL type; NULL stays NULL or is null.

    Raises KeyError for other types.
    """
    match kind:
        case "ID" | "String" | "URL" | "Cursor":
            return dialect.quoted(value)
        case "DateTime":
            return dialect.moment(value)
        case "Int":
            return dialect.text(value)
        case "Float":
            return dialect.number(value)
        case "Boolean":
            return dialect.boolean(value)
        case "[String!]":
            return dialect.texts(value)
        case "JSON":
            return dialect.document(value)
    raise KeyError(kind)


FITTING = {  # the columns that hold what a GraphQL type shows, without a conversion in Python
    "String": (fields.CharField, fields.TextField),
    "URL": (fields.CharField, fields.TextField),
    "DateTime": (fields.DatetimeField,),
    "Int": (fields.IntField,),
    "Float": (fields.FloatField,),
    "Boolean": (fields.BooleanField,),
    "[String!]": (LabelsField, fields.JSONField),
    "JSON": (fields.JSONField,),
}
