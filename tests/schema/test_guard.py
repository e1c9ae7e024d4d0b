"""The document guard: what it counts, through fragments, and that counting is never much work."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import graphql as g
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import errors
from resolvers.roots import make_schema
from schema.bounds import GUESSING, Bounds, Tally
from schema.guard import Guard, Walk, amount

ROOT = Path(__file__).parent.parent.parent
SCHEMA = make_schema()._schema
GUARD = Guard(SCHEMA, Bounds())
LOOSE = Guard(SCHEMA, Bounds(**dict.fromkeys(vars(Bounds()), 10**99)))
EXPONENTIAL = "{ ...F0 } " + " ".join(f"fragment F{at} on Query {{ ...F{at + 1} ...F{at + 1} }}" for at in range(49))


def cost(document: str, operation: str | None = None, **variables: Any) -> int:
    """What the document costs."""
    return GUARD.cost(g.parse(document), operation, {name: amount(value) for name, value in variables.items()})[0]


def refused(document: str, **variables: Any) -> str:
    """The sentence of its refusal."""
    with pytest.raises(errors.QueryTooComplex) as refusal:
        cost(document, **variables)
    return str(refusal.value)


def whole(document: str) -> Tally:
    """What is counted in it."""
    return Walk(LOOSE, g.parse(document), {}).whole


def nested(depth: int) -> str:
    """A field so deep, with a fragment in the middle."""
    half = depth // 2
    inner = "{ a " * (depth - half) + "}" * (depth - half)
    return "{ a " * half + "{ ...F }" + "}" * half + f" fragment F on Query {inner}"


def test_the_guard_is_short_enough_to_be_read() -> None:
    assert (ROOT / "schema" / "guard.py").read_text().count("\n") < 120


@pytest.mark.parametrize(
    ("within", "over", "said"),
    [
        (nested(12), nested(13), "12 fields inside one another"),
        ("{ ...F ...F } fragment F on Query { " + " ".join(f"f{at}" for at in range(200)) + " }",
         "{ ...F ...F g } fragment F on Query { " + " ".join(f"f{at}" for at in range(200)) + " }", "400 fields"),
        ("{ ...F ...F } fragment F on Query { " + " ".join(f"f{at}: a" for at in range(15)) + " }",
         "{ ...F ...F g: a } fragment F on Query { " + " ".join(f"f{at}: a" for at in range(15)) + " }", "30 aliases"),
        ("{ a " * 2 + "b " * 31 + "}}", "{ a " * 2 + "b " * 32 + "}}", "30 aliases and repeated fields"),
        ("{ a " + "... { a } ... { ... { a } } " * 15 + "}",
         "{ a " + "... { a } ... { ... { a } } " * 15 + "... { a } }", "30 aliases and repeated fields"),
        ("{ " + "... on A { a } " * 31 + "... on B { a } }", "{ " + "... on A { a } " * 32 + "... on B { a } }",
         "30 aliases and repeated fields"),
        ("{ ...F ...F } fragment F on Query { " + " ".join(f"f{at} @x" for at in range(25)) + " }",
         "{ ...F ...F @x } fragment F on Query { " + " ".join(f"f{at} @x" for at in range(25)) + " }", "50 directives"),
        ("{ a @x @x @x @x @x }", "{ a @x @x @x @x @x @x }", "5 directives in one place"),
        ("query @x @x @x @x @x { a }", "query @x @x @x @x @x @x { a }", "5 directives in one place"),
        ("query ($a: A @x @x @x @x @x) { a }", "query ($a: A @x @x @x @x @x @x) { a }", "5 directives in one place"),
        ("{ ... @x @x @x @x @x { a } }", "{ ... @x @x @x @x @x @x { a } }", "5 directives in one place"),
        ("{ a } " + "fragment F on Query { a } " * 50, "{ a } " + "fragment F on Query { a } " * 51, "50 fragments"),
        ("{ a } fragment F on Query { " + " ".join(f"f{at}" for at in range(399)) + " }",
         "{ a } fragment F on Query { " + " ".join(f"f{at}" for at in range(400)) + " }", "400 fields"),
        ("{ ...F }" + " fragment F on Query { a }" * 2 + " fragment G on Query { " + "b " * 31 + "}",
         "{ ...F }" + " fragment F on Query { " + "a " * 32 + "} fragment F on Query { a }", "30 aliases"),
        (" ".join(f"query Q{at} {{ a }}" for at in range(400)),
         " ".join(f"query Q{at} {{ a }}" for at in range(401)), "400 fields"),
    ],
    ids=["depth", "fields", "aliases", "repeated", "repeated in inline fragments", "repeated for a type",
         "directives", "on a field", "on an operation", "on a variable",
         "on an inline fragment", "fragments", "an unused fragment", "two of one name", "operations"],
)  # fmt: skip
def test_refuses_one_more_than_each_bound_and_says_which(within: str, over: str, said: str) -> None:
    assert cost(within) >= 1
    assert f"at most {said}" in refused(over)


def test_refuses_nesting_that_is_no_field() -> None:
    assert "12 fields inside one another" in refused("{ ... " * 150 + "{ a }" + "}" * 150)
    assert cost("{ ... " * 50 + "{ a }" + "}" * 50) == 1


def test_every_mutation_that_can_be_used_for_guessing_exists() -> None:
    assert SCHEMA.mutation_type
    assert SCHEMA.mutation_type.fields.keys() >= GUESSING


@pytest.mark.parametrize(
    "document",
    [
        "mutation { a: enterTask { a } b: enterTask { a } }",
        "mutation { enterTask { a } logIn { a } }",
        "mutation { enterTask { a } ...F } fragment F on Mutation { redeemAccessLink { a } }",
        "mutation { ...F ...F } fragment F on Mutation { ... { signUp { a } } }",
        "mutation A { refreshAccessToken { a } } mutation B { logIn { a } }",
    ],
)
def test_one_guess_fits_in_a_document(document: str) -> None:
    assert "at most 1 of enterTask, logIn, redeemAccessLink" in refused(document)
    assert cost("mutation { ...F } fragment F on Mutation { ... { signUp { a } } }") == 12


@pytest.mark.parametrize(
    ("document", "variables", "expected"),
    [
        ("{ __typename }", {}, 1),
        ("{ viewer { __typename } }", {}, 2),
        ("mutation { logOut { __typename } }", {}, 12),
        ("{ organization { tasks(first: 10) { nodes { name } } } }", {}, 3 + 10),
        ("{ organization { tasks(last: 10) { edges { node { name } } } } }", {}, 3 + 20),
        ("{ organization { tasks { nodes { name } } } }", {}, 3 + 50),
        ("{ organization { tasks(first: null) { nodes { name } } } }", {}, 3 + 50),
        ("{ organization { tasks(first: 0) { nodes { name } } } }", {}, 3),
        ("{ organization { tasks(first: -7) { nodes { name } } } }", {}, 3),
        ("{ organization { tasks(first: " + "9" * 5_000 + ") { nodes { name } } } }", {}, 3 + 100),
        ("{ events { nodes { id } } }", {}, 2 + 100),
        ("query ($n: Int) { organization { tasks(first: $n) { nodes { name } } } }", {"n": 7}, 3 + 7),
        ("query ($n: Int) { organization { tasks(first: $n) { nodes { name } } } }", {"n": 7.0}, 3 + 7),
        ("query ($n: Int) { organization { tasks(first: $n) { nodes { name } } } }", {"n": "many"}, 3 + 50),
        ("query ($n: Int) { organization { tasks(first: $n) { nodes { name } } } }", {"n": True}, 3 + 50),
        ("query ($n: Int) { organization { tasks(first: $n) { nodes { name } } } }", {}, 3 + 50),
        ("query ($n: Int = 3) { organization { tasks(first: $n) { nodes { name } } } }", {}, 3 + 3),
        ("query ($n: Int = 3) { organization { tasks(first: $n) { nodes { name } } } }", {"n": None}, 3 + 50),
        ("query ($n: Int = 3) { ...F } fragment F on Query { organization { tasks(last: $n) { nodes { id } } } }", {},
         3 + 3),
        ("{ organization { tasks(first: 9) { nodes { tickets(first: 4) { nodes { id } } } } } }", {}, 3 + 9 * (2 + 4)),
        ('{ nodes(ids: ["a", "b"]) { ... on Task { tickets(first: 4) { nodes { id } } } } }', {}, 2 + 2 * (1 + 4)),
        ("query ($ids: [ID!]!) { nodes(ids: $ids) { id ... on Task { organization { id } } } }", {"ids": ["a"] * 3}, 5),
    ],
)  # fmt: skip
def test_a_page_costs_as_often_as_it_may_have_rows(document: str, variables: dict[str, Any], expected: int) -> None:
    assert cost(document, **variables) == expected


def test_sizes_multiply_to_what_is_refused() -> None:
    wide = "query ($n: Int) { organization { tasks(first: 100) { nodes { tickets(first: $n) { nodes { id } } } } } }"

    assert cost(wide, n=46) == 3 + 100 * 48
    assert "5,000 points of cost" in refused(wide, n=48)
    assert "5,000 points of cost" in refused(wide)


def test_of_several_operations_the_chosen_one_costs() -> None:
    two = "query A { viewer { __typename } } query B { organization { tasks { nodes { id } } } }"

    assert (cost(two, "A"), cost(two, "B")) == (2, 53)


def test_the_standard_introspection_is_not_too_deep_and_thirty_are_too_many() -> None:
    standard = g.get_introspection_query(input_value_deprecation=True, directive_is_repeatable=True)
    body, fragments = standard[standard.index("__schema") :].split("fragment", 1)
    thirty = "{" + " ".join(f"a{at}: {body.strip().removesuffix('}')}" for at in range(3)) + "} fragment" + fragments
    shallow = "{ " + " ".join(f"a{at}: __schema {{ queryType {{ name }} }}" for at in range(30)) + " }"
    deep = "{ __schema { types " + "{ fields { type " * 5 + "{ name }" + "} }" * 5 + " } }"

    assert GUARD.cost(g.parse(standard), None, {}) == (250, True)
    for document in (thirty, shallow, deep):
        assert "250,000 points of introspection" in refused(document)
    assert GUARD.cost(g.parse("{ __typename }"), None, {}) == (1, False)


@pytest.mark.parametrize(
    "document",
    [
        "{ ...F } fragment F on Query { ...F }",
        "{ ...F } fragment F on Query { a { ...G } } fragment G on Query { b { ...F } }",
        "{ ...F0 } "
        + " ".join(
            f"fragment F{at} on Query {{ " + " ".join(f"...F{to}" for to in range(25)) + " }" for at in range(25)
        ),
        "{ __schema { ...F } } fragment F on __Type { ofType { ...F ...F } }",
        "{ ...Nowhere nothing(nothing: $nothing) { a } }",
    ],
)
def test_what_is_circular_or_unknown_is_left_to_validation(document: str) -> None:
    parsed = g.parse(document)

    assert cost(document) >= 1
    assert Walk(GUARD, parsed, {}).looked_at <= selections(parsed)
    assert g.validate(SCHEMA, parsed)


def test_what_grows_exponentially_is_counted_in_one_pass() -> None:
    document = g.parse(EXPONENTIAL + " fragment F49 on Query { a }")
    walk = Walk(LOOSE, document, {})

    assert walk.whole.fields == 2**49
    assert walk.looked_at == selections(document) == 1 + 49 * 2 + 1
    assert "400 fields" in refused(g.print_ast(document))


def test_a_setting_moves_its_bound() -> None:
    narrow = Guard(SCHEMA, replace(Bounds(), depth=1))

    with pytest.raises(errors.QueryTooComplex) as refusal:
        narrow.cost(g.parse("{ viewer { __typename } }"), None, {})
    assert str(refusal.value) == "A document may have at most 1 fields inside one another."


@dataclass(frozen=True)
class Made:
    """A document and how much there is in it when every fragment is written out."""

    text: str
    counts: tuple[int, int, int, int]


@st.composite
def documents(draw: st.DrawFn) -> Made:
    """Operations over fragments that spread only later ones."""
    bodies: list[tuple[str, tuple[int, int, int, int]]] = []
    for at in reversed(range(draw(st.integers(1, 6)))):
        text, counts = draw(_selection(at, tuple(one for _, one in bodies[::-1]), 3))
        bodies.append((f"fragment F{at} on Query {text}", counts))
    text, counts = draw(_selection(-1, tuple(one for _, one in bodies[::-1]), 3))
    written = text + " ".join(body for body, _ in bodies)
    for at, (_, unused) in enumerate(reversed(bodies)):
        if f"...F{at} " not in written:
            text, counts = text.replace("{", f"{{ ...F{at}", 1), _sum(counts, unused)
    return Made(" ".join([text, *(body for body, _ in bodies)]), counts)


@st.composite
def _selection(
    draw: st.DrawFn, at: int, fragments: tuple[tuple[int, int, int, int], ...], depth: int, path: str = "n"
) -> tuple[str, tuple[int, int, int, int]]:
    text, counts = "", (0, 0, 0, 0)
    later = range(at + 1, at + 1 + len(fragments))
    for number in range(draw(st.integers(1, 4))):
        directive = draw(st.sampled_from(["", "@x "]))
        kinds = ["leaf"] + ["field", "inline"] * (depth > 0) + ["spread"] * bool(later)
        kind = draw(st.sampled_from(kinds))
        inner_text, inner = "", (0, 0, 0, 0)
        if kind in ("field", "inline"):
            inner_text, inner = draw(_selection(at, fragments, depth - 1, f"{path}{number}x"))
        if kind == "spread":
            to = draw(st.sampled_from(later))
            inner = fragments[to - at - 1]
            text += f"...F{to} {directive}"
        elif kind == "inline":
            text += f"... {directive}{inner_text}"
        else:
            alias = draw(st.booleans())
            name = f"{path}{number}"
            text += f"{f'a{name}: ' if alias else ''}{name} {directive}{inner_text}"
            inner = (inner[0] + 1, inner[1] + alias, inner[2], inner[3] + 1)
        counts = _sum(counts, (inner[0], inner[1], inner[2] + bool(directive), inner[3]))
    return "{ " + text + " }", counts


def _sum(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    return (one[0] + other[0], one[1] + other[1], one[2] + other[2], max(one[3], other[3]))


@settings(suppress_health_check=[HealthCheck.too_slow])  # on a busy machine
@given(documents())
def test_counting_with_memory_is_counting_what_is_written_out(made: Made) -> None:
    document = g.parse(made.text)
    walk = Walk(LOOSE, document, {})

    counted = (walk.whole.fields, walk.whole.aliases, walk.whole.directives, walk.whole.depth)
    assert counted == made.counts
    assert walk.looked_at == selections(document)


def selections(document: g.DocumentNode) -> int:
    """How many selections are written in the document."""
    found = 0

    class Counting(g.Visitor):
        def enter(self, node: g.Node, *_: Any) -> None:
            nonlocal found
            found += isinstance(node, g.SelectionNode)

    g.visit(document, Counting())
    return found
