"""The rules, first half: what staff and candidates may do at any moment, in any order."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.machine import acts, requests
from tests.machine.choices import (
    ANSWERS,
    CLIENT,
    DAY,
    FIT,
    HOUR,
    ISSUES,
    LINK,
    MINUTE,
    SESSION,
    TASKS,
    TICKET,
    TWINS,
    where_there_is_one,
)
from tests.machine.desk import Desk
from tests.machine.meeting import DONE
from tests.machine.requests import Client
from tests.machine.stage import Stage
from tests.machine.things import POINTS, Step, Task

# What staff set up is set up now and then; candidates, proctors and time are busy at every turn.
OFFICE = precondition(lambda machine: machine.turns % 4 == 1)


class Happenings(RuleBasedStateMachine):
    """Two organizations and what people do in them."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.desk = Desk(stage)
        self.turns = 0
        DONE["runs"] += 1

    @initialize(north=TASKS, south=TASKS, issue=ISSUES)
    def two_organizations(self, north: Any, south: Any, issue: Any) -> None:
        """Each has an open task and tickets, whose candidates have come in and sit if they may."""
        for house, task in enumerate((north, south)):
            self.set_up(house, task, opened=True)
            self.issue(house, issue, None, 1)
        for gid in dict.fromkeys(self.desk.tickets[:2] + self.desk.tickets[-2:]):
            self.come_in(gid, str, 1)
        for client in list(self.desk.clients):
            self.begin(client, 0, 1)
        for gid in self.desk.sessions[::2]:
            if self.desk.world.by[gid].status == "AWAITING_PROCTOR":
                self.be_let_in(gid, old=False)

    @invariant()
    def turn(self) -> None:
        """Count what was done."""
        self.turns += 1
        DONE["steps"] += 1

    @OFFICE
    @rule(house=st.integers(0, 1), task=TASKS, opened=st.booleans())
    def set_up(self, house: int, task: Any, opened: bool) -> None:
        """Make a task, perhaps open it at once."""
        desk, now = self.desk, self.desk.world.now
        home = desk.houses[house]
        steps = [
            Step("", home.tests[one["test"]], one["required"], one["limit"], one["seconds"]) for one in task["steps"]
        ]
        opens, closes = (now + timedelta(seconds=at) if at else None for at in (task["opens"], task["closes"]))
        made = Task("", home.gid, "", steps, opens, closes, task["proctored"], task["stops"], task["automatic"])
        (answer,) = desk.ask(requests.create_task(home.doors["owner"], made))
        if opened:
            desk.ask(requests.move_task(home.doors["owner"], answer.rows[0]["id"], opening=True))

    @OFFICE
    @rule(at=st.integers(0, 9), opening=st.booleans(), twins=TWINS)
    def open_or_close(self, at: int, opening: bool, twins: int) -> None:
        """Let candidates into a task, or nobody any more."""
        task = self.desk.world.tasks[at % len(self.desk.world.tasks)]
        self.desk.ask(*[requests.move_task(self.desk.owner(task), task.gid, opening)] * twins)

    @OFFICE
    @rule(at=st.integers(0, 9), issue=ISSUES, key_=st.sampled_from([None, "a", "b"]), twins=TWINS)
    def issue(self, at: int, issue: Any, key_: str | None, twins: int) -> None:
        """Tickets for some people; with a key, the same call again answers the same tickets."""
        desk, now = self.desk, self.desk.world.now
        task = desk.world.tasks[at % len(desk.world.tasks)]
        people = [{"fullName": f"Person {n}", "extraTimePercent": extra} for n, extra in enumerate(issue["extra"])]
        window = {name: now + timedelta(seconds=issue[name]) if issue[name] else None for name in ("begins", "ends")}
        asked = requests.issue(desk.owner(task), task.owner, task.gid, people, key_, **window)
        known = set(desk.world.by)
        answers = desk.ask(*[asked] * (twins if key_ else 1))
        made = list(dict.fromkeys(row["id"] for answer in answers for row in answer.rows if row["id"] not in known))
        assert [answer.body.get("replayed") for answer in answers].count(False) == (1 if made else 0)
        for gid in made if issue["allowed"] > 1 else ():
            desk.allow(gid, issue["allowed"])
        desk.tickets += made

    @rule(gid=TICKET, spelling=st.sampled_from([str, str.lower]), twins=TWINS)
    def come_in(self, gid: str, spelling: Any, twins: int) -> None:
        """By the invitation code."""
        ticket = self.desk.world.by[gid]
        asked = requests.enter(self.desk.nobody, ticket, spelling(ticket.code))
        self.desk.let_in(gid, self.desk.ask(*[asked] * twins))

    @OFFICE
    @rule(gid=TICKET, expires=st.sampled_from([None, HOUR, 2 * DAY]), most=st.sampled_from([None, 1]))
    def share(self, gid: str, expires: int | None, most: int | None) -> None:
        """Make a shared link."""
        until = self.desk.world.now.replace(microsecond=0) + timedelta(seconds=expires) if expires else None
        (answer,) = self.desk.ask(requests.share(self.desk.owner_of(gid), [gid], until, most))
        self.desk.links += [row["id"] for row in answer.rows]

    @rule(gid=LINK, twins=TWINS)
    @where_there_is_one
    def come_by_link(self, gid: str, twins: int) -> None:
        """By a shared link."""
        link = self.desk.world.by[gid]
        asked = requests.redeem(self.desk.nobody, gid, link.token)
        self.desk.let_in(link.ticket.gid, self.desk.ask(*[asked] * twins))

    @OFFICE
    @rule(gid=LINK)
    @where_there_is_one
    def withdraw_a_link(self, gid: str) -> None:
        """For good."""
        self.desk.ask(requests.unshare(self.desk.owner_of(gid), gid))

    @rule(client=CLIENT, at=st.integers(0, 2), twins=TWINS)
    @where_there_is_one
    def begin(self, client: Client, at: int, twins: int) -> None:
        """Start a step, or go on with it."""
        steps = self.desk.world.by[client.ticket].task.steps
        known = set(self.desk.world.by)
        answers = self.desk.ask(*[acts.start(client, steps[at % len(steps)].gid)] * twins)
        self.desk.sessions += {row["id"] for answer in answers for row in answer.rows} - known

    @rule(gid=SESSION, old=st.booleans())
    @where_there_is_one
    def be_let_in(self, gid: str, old: bool) -> None:
        """The proctor admits whoever waits, and they begin."""
        session = self.desk.world.by[gid]
        self.desk.ask(acts.proctor(self.desk.owner_of(gid, "proctor"), "admit", gid))
        self.desk.ask(acts.start(self.desk.sitter(gid, old), session.step.gid))

    @rule(gid=SESSION, answers=ANSWERS, sequence=st.integers(0, 9), old=st.booleans(), twins=TWINS)
    @where_there_is_one
    def answer(self, gid: str, answers: Any, sequence: int, old: bool, twins: int) -> None:
        """Save answers, right or wrong, in time or late, perhaps older than what is kept or to another test."""
        gid = self.desk.fitting(gid, "pause") if twins > 1 else gid  # whom a proctor could pause can answer
        asked = self.desk.world.by[gid].step.test.questions
        rows = [(asked.get(kind, "q_of_another_test"), value, sequence + n) for n, (kind, value) in enumerate(answers)]
        self.desk.ask(*[acts.save(self.desk.sitter(gid, old), gid, rows)] * twins)

    @rule(gid=SESSION, old=st.booleans(), twins=TWINS)
    @where_there_is_one
    def hand_in(self, gid: str, old: bool, twins: int) -> None:
        """Submit."""
        self.desk.ask(*[acts.submit(self.desk.sitter(gid, old), gid)] * twins)

    @rule(gid=SESSION, old=st.booleans())
    @where_there_is_one
    def be_there(self, gid: str, old: bool) -> None:
        """A heartbeat."""
        self.desk.ask(acts.beat(self.desk.sitter(gid, old), gid))

    @rule(client=CLIENT, twins=TWINS)
    @where_there_is_one
    def be_done(self, client: Client, twins: int) -> None:
        """Complete the assessment."""
        self.desk.ask(*[acts.complete(client)] * twins)

    @rule(gid=SESSION, act=st.sampled_from(["pause", "pause", "resume", "resume", "terminate"]), fit=FIT, twins=TWINS)
    @where_there_is_one
    def proctor(self, gid: str, act: str, fit: bool, twins: int) -> None:
        """What a proctor does to whoever sits."""
        gid = self.desk.fitting(gid, act) if fit else gid
        self.desk.ask(*[acts.proctor(self.desk.owner_of(gid, "proctor"), act, gid)] * twins)

    @rule(gid=SESSION, seconds=st.sampled_from([0, MINUTE, HOUR]), fit=FIT, twins=TWINS)
    @where_there_is_one
    def reinstate(self, gid: str, seconds: int, fit: bool, twins: int) -> None:
        """Bring an ended session back."""
        gid = self.desk.fitting(gid, "reinstate") if fit else gid
        self.desk.ask(*[acts.reinstate(self.desk.owner_of(gid, "proctor"), gid, seconds)] * twins)

    @rule(gid=SESSION, seconds=st.sampled_from([-DAY, -90, -1, 1, 90, HOUR]), everybody=st.booleans(), twins=TWINS)
    @where_there_is_one
    def adjust(self, gid: str, seconds: int, everybody: bool, twins: int) -> None:
        """Give or take time."""
        door, task = self.desk.owner_of(gid, "proctor"), self.desk.world.by[gid].task.gid
        asked = acts.adjust_all(door, task, seconds) if everybody else acts.adjust(door, [gid], seconds)
        self.desk.ask(*[asked] * twins)

    @rule(gid=SESSION, kind=st.sampled_from(["ESSAY", "ESSAY", "NUMERIC"]), part=st.sampled_from([0, 0.5, 1, 2]))
    @where_there_is_one
    def grade(self, gid: str, kind: str, part: float) -> None:
        """An instructor's mark, where there is something to grade, or else anywhere."""
        gid = self.desk.fitting(gid, "grade")
        question = self.desk.world.by[gid].step.test.questions.get(kind, "q_of_another_test")
        self.desk.ask(acts.mark(self.desk.owner_of(gid), gid, question, part * POINTS[kind]))

    @rule(gid=SESSION, everybody=st.booleans())
    @where_there_is_one
    def release(self, gid: str, everybody: bool) -> None:
        """Let candidates see their results."""
        door, task = self.desk.owner_of(gid), self.desk.world.by[gid].task.gid
        self.desk.ask(acts.release_all(door, task) if everybody else acts.release(door, [gid]))
