"""Where requests meet the application and the reference at once, and everything is looked at afterwards."""

from __future__ import annotations

import asyncio
import pickle
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import permutations
from typing import Any

from tests.machine import checks
from tests.machine.documents import PRY, Seen
from tests.machine.requests import Request, foretold
from tests.machine.stage import House, Rows, Stage
from tests.machine.things import Assessment, Link, No, Session, Task, Thing, Ticket, World
from tests.world import Door

COUNTS: Counter[tuple[str, str]] = Counter()  # how often each request had each outcome, over all runs
DONE: Counter[str] = Counter()  # runs and steps
REACHED: Counter[str] = Counter()  # how often a thing was seen in each status: `ses PAUSED`
_AT_ONCE = 6  # foreign ids that one stranger asks for


class Meeting:
    """One run: its organizations, what the reference believes, and what the database held when it last looked."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.houses: list[House] = [stage.run(stage.settle_in(name)) for name in ("North", "South")]
        self.world = World(stage.clock())
        self.log = checks.Log()
        self.rows: Rows = {}
        self.look()

    def look(self) -> None:
        """Read everything anew, and let the log tell what came since."""
        self.rows = self.stage.run(self.stage.rows(self.houses))
        self.log.grow(self.stage.run(self.stage.log(self.houses, self.log.position)))

    def forward(self, **amount: float) -> None:
        """Let time pass."""
        self.world.now = self.stage.clock.forward(**amount)

    def ask(self, *asked: Request) -> list[Seen]:
        """Send these at the same moment. They must have come out as in one order or another, one after the other."""
        self.forward(microseconds=1)  # no two things happen at the very same time
        kept, before = pickle.dumps(self.world), self.rows
        answers = self.stage.run(_together(asked))
        for request, answer in zip(asked, answers, strict=True):
            COUNTS[request.name, f"{answer.body['count']} swept" if _swept(answer) else answer.outcome] += 1
            assert answer.outcome != "INTERNAL"
        self.rows = self.stage.run(self.stage.rows(self.houses))
        events = self.stage.run(self.stage.log(self.houses, self.log.position))
        explained, complaints = self._explained(kept, asked, answers)
        assert explained is not None, "\n".join(complaints)
        self.world = explained
        self.log.grow(events)
        if all(_refused(answer) for answer in answers):
            checks.nothing_changed(before, self.rows, events)
        self.holds(before)
        return answers

    def ask_in_vain(self, request: Request, door: Door, codes: set[str]) -> None:
        """Somebody else asks for the same: it is one of these, and nothing has changed."""
        assert request.again
        answer = self.stage.run(request.again(door).send())
        COUNTS["trespass", answer.outcome] += 1
        before, self.rows = self.rows, self.stage.run(self.stage.rows(self.houses))

        assert answer.outcome in codes
        checks.nothing_changed(before, self.rows, self.stage.run(self.stage.log(self.houses, self.log.position)))

    def pry(self, house: House) -> None:
        """The owner of another organization asks for this one's things by ids that are known: nothing is there."""
        theirs = [gid for gid, thing in self.world.by.items() if _owner(thing) == house.gid]
        at = self.log.position % max(1, len(theirs))  # the newest, and others in turn
        sessions = [session.gid for session in self.world.sessions() if session.task.owner == house.gid]
        for stranger in self.houses:
            if stranger is house or not theirs:
                continue
            ids = [*theirs[at : at + _AT_ONCE], *theirs[-_AT_ONCE:]]
            one = {"session": sessions[-1] if sessions else "ses_none"}
            one |= {name: next((gid for gid in ids if gid.startswith(at)), at) for name, at in _ONE.items()}
            answer = self.stage.run(stranger.doors["owner"].execute(PRY, ids=ids, **one))
            assert answer["data"] == {"nodes": [None] * len(ids), "testSession": None, "ticket": None, "task": None}
            assert {error["extensions"]["code"] for error in answer["errors"]} == {"NOT_FOUND"}

    def _explained(
        self, kept: bytes, asked: Sequence[Request], answers: Sequence[Seen]
    ) -> tuple[World | None, list[str]]:
        """The world after the order that explains the answers and the rows; or why none does."""
        complaints: list[str] = []
        for order in permutations(range(len(asked))):
            world: World = pickle.loads(kept)  # noqa: S301  we made it
            wrong: list[str] = []
            for at in order:
                world, more = _met(world, asked[at], answers[at])
                wrong += more
            swept = world.swept - pickle.loads(kept).swept  # noqa: S301  we made it
            if swept != sum(answer.body["count"] for answer in answers if _swept(answer)):
                wrong.append(f"{swept} were to be swept")  # two sweeps share the work: only the sum is certain
            if not wrong:
                wrong = checks.differences(world, self.rows)
            if not wrong:
                return world, []
            complaints += [f"in the order {[asked[at].name for at in order]}:", *wrong]
        return None, complaints

    def holds(self, before: Rows) -> None:
        """What must hold after every step."""
        rows = self.rows
        checks.nothing_is_doubled(rows)
        checks.attempts_are_within_limits(self.world, rows)
        checks.every_second_is_in_the_ledger(rows)
        checks.nothing_is_unsaid(before, rows)
        self.log.tells(rows)
        self.pry(self.houses[self.log.position % 2])
        for kind in ("Task", "Ticket", "Assessment", "TestSession"):
            REACHED.update(f"{kind} {row['status']}" for row in rows[kind].values())


_ONE = {"ticket": "tkt_", "task": "tsk_"}


def _owner(thing: Any) -> str | None:
    """The organization that the thing belongs to; None for a step, which nobody asks for by its id."""
    match thing:
        case Task():
            return thing.owner
        case Ticket():
            return thing.task.owner
        case Link() | Assessment():
            return thing.ticket.task.owner
        case Session():
            return thing.task.owner
    return None


async def _together(asked: Sequence[Request]) -> list[Seen]:
    return list(await asyncio.gather(*(request.send() for request in asked)))


def _swept(answer: Seen) -> bool:
    return answer.outcome == "swept"


def _refused(answer: Seen) -> bool:
    return answer.body["count"] == 0 if _swept(answer) else not answer.outcome.endswith("Success")


def _met(world: World, asked: Request, answer: Seen) -> tuple[World, list[str]]:
    """The world after the request as the reference has it, and where the answer is another."""
    kept = pickle.dumps(world)
    try:
        outcome, made = foretold(world, asked)
    except No as no:
        world = pickle.loads(kept)  # noqa: S301  we made it
        if no.noted:
            world.by[no.noted].refused = (no.outcome, world.now)
        outcome, made = no.outcome, []
    if outcome != answer.outcome:
        return world, [f"{asked.name}: {outcome} was foretold, {answer.outcome} came"]
    shown = [row["id"] for row in answer.rows]
    for thing, row in zip(made, answer.rows, strict=False):
        if not thing.gid:
            _learn(world, thing, row)
    told = [thing.gid for thing in made]
    if asked.name in ("adjustTime", "releaseResults"):
        told, shown = sorted(told), sorted(shown)
    return world, [] if told == shown else [f"{asked.name}: {told} was foretold, {shown} came"]


def _learn(world: World, thing: Thing, row: Mapping[str, Any]) -> None:
    """What only the answer can tell of a thing that was made."""
    match thing:
        case Task():
            thing.slug = row["slug"]
            for step, told in zip(thing.steps, row["steps"], strict=True):
                step.gid = told["id"]
                world.by[step.gid] = step
        case Ticket():
            thing.code = row["invitationCode"]
        case Link():
            thing.token = row["url"].rpartition("/")[2]
    thing.gid = row["id"]
    world.by[row["id"]] = thing
