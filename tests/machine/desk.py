"""A run with what its rules need: who may ask, by which credential, and what is read besides."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from models import Ticket
from tests.hall import key
from tests.machine import acts, marking, requests
from tests.machine.documents import KNOWN, LISTS, LOOK, READ_ON, Seen
from tests.machine.meeting import COUNTS, Meeting
from tests.machine.proctoring import actions
from tests.machine.requests import Client, Request, foretold
from tests.machine.sitting import settle
from tests.machine.stage import House, Stage
from tests.machine.tables import ENDED
from tests.machine.things import No, Session, Task
from tests.world import Door

OF_CANDIDATES = ("start", "save", "submit", "beat", "complete", "enter")
OF_PROCTORS = ("admit", "pause", "resume", "terminate", "reinstate", "give", "take")
OF_OFFICE = ("mark", "release", "suspend", "restore", "revoke", "expel", "close")
SWEPT = ("lost", "overdue", "lapsed")
ACTS = (*OF_CANDIDATES, *OF_PROCTORS, *OF_OFFICE)


class Desk(Meeting):
    """Credentials at hand."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self.nobody = stage.door
        self.tickets: list[str] = []
        self.links: list[str] = []
        self.clients: list[Client] = []
        self.sessions: list[str] = []

    def pick(self, name: str, at: int) -> Any:
        """One of the tickets, links, clients or sessions, counted from the newest; None if there is none."""
        there = getattr(self, name)
        return there[-1 - at % len(there)] if there else None

    def house(self, task: Task) -> House:
        """The task's organization."""
        return next(house for house in self.houses if house.gid == task.owner)

    def owner(self, task: Task) -> Door:
        """The door of its organization's owner."""
        return self.house(task).doors["owner"]

    def owner_of(self, gid: str, who: str = "owner") -> Door:
        """The owner's door, or another's in the same organization, for a ticket, a link or a session."""
        thing = self.world.by[gid]
        ticket = getattr(thing, "ticket", thing)
        return self.house(ticket.task).doors[who]

    def allow(self, gid: str, assessments: int) -> None:
        """Let the ticket open more assessments than one. No mutation does that yet: the row is changed here."""
        self.stage.run(_allow(gid, assessments))
        self.world.by[gid].allowed = assessments
        self.look()

    def let_in(self, gid: str, answers: Sequence[Seen]) -> None:
        """A client for each that came in."""
        until = self.world.now + timedelta(seconds=self.stage.site.limits.candidate_token_seconds)
        tokens = [(answer.rows[0]["id"], answer.body["accessToken"]) for answer in answers if answer.rows]
        self.clients += [Client(gid, at, self.nobody.with_token(token), until) for at, token in tokens]

    def sitter(self, gid: str, old: bool = False) -> Client:
        """The first client of the session's candidate, or the newest: they come in again when a day has passed."""
        ticket = self.world.by[gid].assessment.ticket
        clients = [client for client in self.clients if client.ticket == ticket.gid]
        if not old and not self.counts(clients[-1]):
            self.let_in(ticket.gid, self.ask(requests.enter(self.nobody, ticket, ticket.code)))
        return clients[0] if old else next(one for one in reversed(self.clients) if one.ticket == ticket.gid)

    def counts(self, client: Client) -> bool:
        """Whether the client's credential is good now."""
        return int(self.world.now.timestamp()) < int(client.until.timestamp())

    def fitting(self, gid: str, act: str) -> str:
        """The newest session with which staff can do this now; the one that was thought of if there is none."""
        possible = (one for one in reversed(self.sessions) if act.upper() in actions(self.world.by[one]))
        return next(possible, gid)

    def act(self, gid: str, what: str) -> Request:
        """Something that can be done about a session, by its name."""
        sitter = self.sitter(gid)
        session: Session = self.world.by[gid]
        ticket = session.assessment.ticket
        owner, proctor = self.owner_of(gid), self.owner_of(gid, "proctor")
        question = session.step.test.questions["NUMERIC"]
        made: dict[str, Callable[[], Request]] = {
            "start": partial(acts.start, sitter, session.step.gid),
            "save": partial(acts.save, sitter, gid, [(question, 3.0, 5)]),
            "submit": partial(acts.submit, sitter, gid),
            "beat": partial(acts.beat, sitter, gid),
            "complete": partial(acts.complete, sitter),
            "reinstate": partial(acts.reinstate, proctor, gid, 60),
            "give": partial(acts.adjust, proctor, [gid], 90),
            "take": partial(acts.adjust, proctor, [gid], -3_600),
            "mark": partial(acts.mark, owner, gid, question, 1.0),
            "release": partial(acts.release, owner, [gid]),
            "enter": partial(requests.enter, self.nobody, ticket, ticket.code),
            "suspend": partial(requests.hold, owner, [ticket.gid], on=True),
            "restore": partial(requests.hold, owner, [ticket.gid], on=False),
            "revoke": partial(requests.revoke, owner, [ticket.gid], end=False),
            "expel": partial(requests.revoke, owner, [ticket.gid], end=True),
            "close": partial(requests.move_task, owner, session.task.gid, opening=False),
            **{which: partial(acts.sweep, self.stage.site, which) for which in SWEPT},
        }
        return made[what]() if what in made else acts.proctor(proctor, what, gid)

    def try_in_vain(self, gid: str) -> None:
        """Ask for whatever cannot be done about the session now: it is refused, and changes nothing."""
        for what in ACTS:
            asked = self.act(gid, what)
            try:
                foretold(pickle.loads(pickle.dumps(self.world)), asked)  # noqa: S301  we made it
            except No:
                self.ask(asked)

    def edges(self) -> list[Any]:
        """The moments, still to come, at which something ends, begins or becomes too late."""
        moments = [at for task in self.world.tasks for at in (task.opens, task.closes)]
        moments += [at for ticket in self.world.tickets for at in (ticket.begins, ticket.ends)]
        moments += [link.expires for link in self.world.links]
        moments += [one.deadline for one in self.world.sessions() if one.status not in ENDED]
        return sorted({at for at in moments if at is not None and at > self.world.now})

    def look_at(self, gid: str, client: Client | None) -> None:
        """Staff, or the candidate, look at the session: it is brought first to where time has brought it."""
        self.forward(microseconds=1)
        alive = client is None or self.counts(client)
        session: Session = self.world.by[gid]
        if alive:
            settle(self.world, session)
        before = self.rows
        answer = self.stage.run((client.door if client else self.owner_of(gid)).execute(LOOK, id=gid))
        self.look()
        self.holds(before)
        COUNTS["look", "UNAUTHENTICATED" if "errors" in answer else "seen"] += 1
        if not alive:
            assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
            return
        self._is_shown(answer["data"]["testSession"], session, staff=client is None)

    def _is_shown(self, seen: Any, session: Session, staff: bool) -> None:
        left = None
        if session.deadline is not None:
            gone = session.deadline - (session.stopped or self.world.now)
            left = 0 if session.status in ENDED else max(0, int(gone.total_seconds()))
        count = next((n for n, one in enumerate(session.results, 1) if one.superseded is None), None)
        version = count if staff else marking.shown(session)
        assert (seen["status"], seen["remainingSeconds"]) == (session.status, left)
        assert [(one["seconds"], one["cause"]) for one in seen["timeLedger"]] == session.ledger
        assert set(seen["allowedActions"]) == (actions(session) if staff else set())
        assert (seen["result"] or {}).get("version") == version
        assert seen["score"] == (marking.score(session, session.results[version - 1])[0] if version else None)

    def read_on(self, house: House, first: int) -> bool:
        """The owner reads some more of the log, from where they stopped; whether there is more."""
        page = self.stage.run(house.doors["owner"].ask(READ_ON, after=house.cursor, first=first))["events"]
        house.read += [event["id"] for event in page["nodes"]]
        house.cursor = page["pageInfo"]["endCursor"] or house.cursor
        return bool(page["pageInfo"]["hasNextPage"])

    def pry_as(self, client: Client) -> None:
        """The candidate asks for everything that is known: they see what is their own ticket's, and its task."""
        ticket = self.world.by[client.ticket]
        own = {ticket.gid, ticket.task.gid, *(one.gid for one in ticket.assessments)}
        own |= {one.gid for one in ticket.sessions()}
        asked = [*[gid for gid in self.world.by if not gid.startswith("stp_")][-30:], ticket.gid]
        answer = self.stage.run(client.door.execute(KNOWN, ids=asked))
        if not self.counts(client):
            assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        else:
            assert [node and node["id"] for node in answer["data"]["nodes"]] == [
                gid if gid in own else None for gid in asked
            ]

    def close(self) -> None:
        """The run is over."""
        try:
            self.close_the_books()
        finally:
            self.stage.run(self.stage.clear(self.houses))

    def close_the_books(self) -> None:
        """At the end: each owner has read the whole log, once and in order, and their lists hold all that is theirs."""
        for house in self.houses:
            while self.read_on(house, 100):
                pass
            log = self.stage.run(self.stage.log([house], 0))
            assert house.read == [event.gid for event in log]
            lists = self.stage.run(house.doors["owner"].ask(LISTS))["organization"]
            ours = [ticket for ticket in self.world.tickets if ticket.task.owner == house.gid]
            expected = {
                "tasks": {task.gid for task in self.world.tasks if task.owner == house.gid},
                "tickets": {ticket.gid for ticket in ours},
                "testSessions": {one.gid for ticket in ours for one in ticket.sessions()},
            }
            assert {name: {row["id"] for row in lists[name]["nodes"]} for name in expected} == expected


async def _allow(gid: str, assessments: int) -> None:
    await Ticket.filter(id=key(gid)).update(assessments_allowed=assessments)
