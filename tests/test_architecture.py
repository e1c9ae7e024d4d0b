"""The house rules that a reader of the code may rely on, checked on the code itself."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeGuard

from tortoise.models import ModelMeta

import models

ROOT = Path(__file__).parent.parent

# What each room may import of our own. `server` composes; `commands` is the command line beside it.
ROOMS: Mapping[str, frozenset[str]] = {
    "server": frozenset(
        {"server", "commands", "settings", "resolvers", "planner", "web", "schema", "services", "models", "errors"}
    ),
    "commands": frozenset(
        {"server", "settings", "resolvers", "planner", "web", "schema", "services", "models", "errors"}
    ),
    "settings": frozenset(),
    "resolvers": frozenset({"resolvers", "schema", "services", "models", "errors"}),
    "planner": frozenset({"planner", "schema", "services", "models", "errors"}),
    "web": frozenset({"web", "services", "models", "errors"}),
    "schema": frozenset({"schema", "models", "errors"}),
    "services": frozenset({"services", "models", "errors"}),
    "models": frozenset({"models", "errors"}),
    "errors": frozenset(),
}

# Libraries that would make a room know what it must not.
_GRAPHQL = frozenset({"strawberry", "graphql"})
BANNED: Mapping[str, frozenset[str]] = {
    "web": _GRAPHQL,
    "services": _GRAPHQL | {"starlette", "uvicorn"},
    "models": _GRAPHQL | {"starlette", "uvicorn"},
    "schema": frozenset({"starlette", "uvicorn"}),
    "settings": _GRAPHQL | {"starlette", "uvicorn", "tortoise"},
}

# Why a file may break one rule: (file, rule) → reason.
EXCEPTIONS: Mapping[tuple[str, str], str] = {
    ("models/clock.py", "chance"): "it is the clock",
    ("models/chance.py", "chance"): "it is the chance",
    ("settings.py", "chance"): "a start without a secret makes one up, before anything else exists",
    (
        "schema/masking.py",
        "chance",
    ): "the reference of a masked error is no domain id, and tests replace the domain's chance",
    ("services/counters.py", "chance"): "windows are counted by the monotonic clock, which no operator can turn back",
    ("services/shared_counters.py", "chance"): "how long Redis is left alone is no time of the domain",
    ("models/direct.py", "chance"): "how long a statement holds the event loop is no time of the domain",
    ("models/politeness.py", "chance"): "as little is how long a task does",
    ("models/moves.py", "status"): "it is the one writer",
    ("errors.py", "status"): "a refusal tells the status that it met",
    ("models/unit.py", "transaction"): "it is the one place where a transaction begins",
    ("models/sqlite.py", "transaction"): "it is how one begins on SQLite, for models/unit.py",
    ("models/batches.py", "transaction"): "it is how many are committed at once on SQLite",
    ("models/direct.py", "transaction"): "it is SQLite's connection",
    ("models/postgres.py", "transaction"): "it is PostgreSQL's connections",
    ("models/whole.py", "transaction"): "it is how one begins on PostgreSQL, for models/unit.py",
    ("errors.py", "length"): "everything that fails on purpose is one tree on one page",
}

LOOK_UPS = frozenset(
    {"filter", "get", "all", "get_or_none", "exclude", "raw", "first", "last", "exists", "annotate", "in_bulk"}
    | {"get_or_create", "update_or_create", "select_for_update", "fetch_for_list", "earliest", "latest", "bulk_update"}
)
CONNECTIONS = frozenset(
    {"in_transaction", "_in_transaction", "atomic", "transaction", "acquire_connection", "borrow", "execute_script"}
)
TRANSACTION = re.compile(r"\s*(BEGIN|START TRANSACTION|COMMIT|ROLLBACK|SAVEPOINT|RELEASE SAVEPOINT)\b")
BAD_NAMES = frozenset({"graphql", "types", "email", "token", "secrets", "logging"})
NO_ROOMS = frozenset({"utils", "core", "common", "helpers", "repositories", "dto"})
SOURCES = ("secrets.", "random.", "time.", "uuid.uuid", "uuid6.", "os.urandom.")
NOW = ("datetime.now", "datetime.utcnow", "datetime.today", "date.today")
LIMIT = 250
THIN = 6


@dataclass
class Module:
    """One of our files."""

    path: str
    source: str

    @property
    def room(self) -> str:
        """The folder at the top, or the file's own name."""
        return self.path.partition("/")[0].removesuffix(".py")

    @property
    def lines(self) -> int:
        """How long it is."""
        return self.source.count("\n")

    @cached_property
    def tree(self) -> ast.Module:
        """What Python makes of it."""
        return ast.parse(self.source)

    def walk(self) -> Iterator[ast.AST]:
        """Every node."""
        return ast.walk(self.tree)

    def excepted(self, rule: str) -> bool:
        """Whether the table gives it a reason to break the rule."""
        return (self.path, rule) in EXCEPTIONS


def _modules() -> list[Module]:
    paths = [*ROOT.glob("*.py"), *(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))]
    kept = [path for path in sorted(paths) if "node_modules" not in path.parts]
    return [Module(path.relative_to(ROOT).as_posix(), path.read_text()) for path in kept]


MODULES = _modules()
TABLES = frozenset(name for name in models.__all__ if isinstance(getattr(models, name), ModelMeta))


def imported(module: Module) -> Iterator[tuple[str, int]]:
    """The full names that the module imports, wherever in it, and the lines."""
    for node in module.walk():
        if isinstance(node, ast.Import):
            yield from ((name.name, node.lineno) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module.path}:{node.lineno} imports relatively"
            yield from ((f"{node.module}.{name.name}", node.lineno) for name in node.names)


def dotted(node: ast.AST) -> str:
    """`a.b.c` as text; empty for anything else."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=name):
            return f"{dotted(value)}.{name}"
        case _:
            return ""


def test_every_top_level_file_is_a_known_room() -> None:
    rooms = {module.room for module in MODULES}

    assert rooms <= set(ROOMS)
    assert not [path.name for path in ROOT.iterdir() if path.is_dir() and path.name in NO_ROOMS]


def test_imports_run_one_way() -> None:
    wrong = [
        f"{module.path}:{line} imports {name}"
        for module in MODULES
        for name, line in imported(module)
        if name.partition(".")[0] in ROOMS and name.partition(".")[0] not in ROOMS[module.room]
    ]

    assert wrong == []


def test_no_room_knows_the_libraries_of_another() -> None:
    wrong = [
        f"{module.path}:{line} imports {name}"
        for module in MODULES
        for name, line in imported(module)
        if name.partition(".")[0] in BANNED.get(module.room, frozenset())
    ]

    assert wrong == []


def test_rows_are_reached_through_the_door_or_a_finder() -> None:
    wrong = [
        f"{module.path}:{node.lineno} {dotted(node.func)}"
        for module in MODULES
        if module.room != "models"
        for node in module.walk()
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in LOOK_UPS
        and dotted(node.func.value).rpartition(".")[2] in TABLES
    ]

    assert wrong == []


def test_transactions_begin_in_one_place() -> None:
    wrong = [
        f"{module.path}:{line} imports {name}"
        for module in MODULES
        if not module.excepted("transaction")
        for name, line in imported(module)
        if name.startswith("tortoise.transactions")
    ]

    assert wrong == []


SIDE_BY_SIDE = frozenset(
    {"create_task", "ensure_future", "gather", "as_completed", "TaskGroup", "wait", "wait_for", "timeout", "timeout_at"}
)


def test_nothing_is_awaited_side_by_side_or_in_a_time_limit_in_a_transaction() -> None:
    wrong = [
        f"{module.path}:{call.lineno} {_called(call)}"
        for module in MODULES
        for function in module.walk()
        if isinstance(function, ast.AsyncFunctionDef) and _is_transactional(function)
        for call in ast.walk(function)
        if isinstance(call, ast.Call) and _called(call) in SIDE_BY_SIDE
    ]

    assert wrong == []


def test_what_is_transactional_is_found() -> None:
    [function] = ast.parse("@transactional\nasync def both() -> None:\n    await asyncio.gather(a(), b())").body

    assert isinstance(function, ast.AsyncFunctionDef)
    assert _is_transactional(function)
    assert "gather" in {_called(call) for call in ast.walk(function) if isinstance(call, ast.Call)}


def _is_transactional(function: ast.AsyncFunctionDef) -> bool:
    return any(isinstance(one, ast.Name) and one.id == "transactional" for one in function.decorator_list)


def _called(call: ast.Call) -> str:
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def test_nobody_reaches_a_connection_past_the_unit_of_work() -> None:
    wrong = [
        f"{module.path}:{line} {what}"
        for module in MODULES
        if not module.excepted("transaction")
        for node in module.walk()
        for what, line in _past_the_unit(node)
    ]

    assert wrong == []


def _past_the_unit(node: ast.AST) -> Iterator[tuple[str, int]]:
    """What begins or ends a transaction by hand, in Python or in SQL, or borrows a connection to do so."""
    match node:
        case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name)) if name in CONNECTIONS:
            yield name, node.lineno
        case ast.Constant(value=str(text)) if TRANSACTION.match(text):
            yield text, node.lineno


def test_only_the_one_writer_sets_a_status() -> None:
    wrong = [
        f"{module.path}:{line}"
        for module in MODULES
        if not module.excepted("status")
        for node in module.walk()
        for line in _statuses_set(node)
    ]

    assert wrong == []


def _statuses_set(node: ast.AST) -> Iterator[int]:
    """The lines where the node assigns a `.status`, or updates one by keyword or dictionary."""
    match node:
        case ast.Assign(targets=targets):
            yield from (target.lineno for target in targets if dotted(target).endswith(".status"))
        case ast.AugAssign(target=target) | ast.AnnAssign(target=target):
            yield from [target.lineno] if dotted(target).endswith(".status") else []
        case ast.Call(func=ast.Attribute(attr="update" | "update_from_dict"), args=given, keywords=named):
            keys = [key.value for each in given if isinstance(each, ast.Dict) for key in each.keys if _is_text(key)]
            yield from (node.lineno for name in [*keys, *(each.arg for each in named)] if name == "status")


def _is_text(key: ast.expr | None) -> TypeGuard[ast.Constant]:
    return isinstance(key, ast.Constant)


def test_time_and_chance_come_from_one_place() -> None:
    wrong = []
    for module in MODULES:
        if not module.excepted("chance"):
            wrong += [
                f"{module.path}:{line} {name}" for name, line in imported(module) if f"{name}.".startswith(SOURCES)
            ]
            calls = [node for node in module.walk() if isinstance(node, ast.Call)]
            wrong += [f"{module.path}:{call.lineno}" for call in calls if dotted(call.func).endswith(NOW)]

    assert wrong == []


def test_no_file_outgrows_its_seam() -> None:
    long = {module.path: module.lines for module in MODULES if not module.excepted("length") and module.lines > LIMIT}

    assert long == {}


def test_no_module_hides_a_library() -> None:
    names = [(module.path, Path(module.path).stem) for module in MODULES]

    assert [path for path, name in names if name in BAD_NAMES] == []


def test_everything_says_what_it_promises() -> None:
    wrong = [f"{module.path}:{node.lineno}" for module in MODULES for node in _public(module.tree) if not _says(node)]

    assert wrong == []
    assert [module.path for module in MODULES if not ast.get_docstring(module.tree)] == []


Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = ast.ClassDef | Function


def _public(node: ast.AST) -> Iterator[Definition]:
    """The public classes, and the public functions and methods that are not inside a function."""
    for inner in ast.iter_child_nodes(node):
        if isinstance(inner, Definition) and not inner.name.startswith("_") and inner.name != "Meta":
            yield inner
        if isinstance(inner, ast.ClassDef) and not inner.name.startswith("_"):
            yield from _public(inner)


def _says(node: Definition) -> bool:
    return bool(ast.get_docstring(node))


def test_every_table_is_named_in_the_package() -> None:
    package = (ROOT / "models" / "__init__.py").read_text()
    modules = [module for module in MODULES if module.room == "models" and "\n        table = " in module.source]

    missing = [module.path for module in modules if f"from models.{Path(module.path).stem} import" not in package]

    assert len(modules) > 10
    assert missing == []


def test_every_resolver_is_thin() -> None:
    wrong = []
    for module in MODULES:
        for node in module.walk() if module.room == "resolvers" else ():
            if isinstance(node, Function) and any(map(_makes_a_field, node.decorator_list)):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                lines = (body[-1].end_lineno or 0) - body[0].lineno + 1
                tries = any(isinstance(inner, ast.Try) for inner in ast.walk(node))
                wrong += [f"{module.path}:{node.lineno} {node.name}"] if lines > THIN or tries else []

    assert wrong == []


def _makes_a_field(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return dotted(called) in ("strawberry.field", "strawberry.mutation", "strawberry.subscription")


def test_no_exception_outlives_its_reason() -> None:
    known = {module.path for module in MODULES}

    assert {path for path, _rule in EXCEPTIONS} <= known
    assert all(EXCEPTIONS.values())
