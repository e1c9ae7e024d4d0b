"""The machine is not vacuous: one walk through its rules brings everything into every status there is."""

from __future__ import annotations

from typing import Any

from settings import Settings
from tests.machine.desk import ACTS
from tests.machine.machine import Machine
from tests.machine.meeting import REACHED
from tests.machine.stage import staged
from tests.machine.tables import STATUSES, UNREACHABLE
from tests.world import Clock

DAY = 86_400
ISSUE = {"extra": [25, 0], "begins": None, "ends": None, "allowed": 1}


def _task(test: int, limit: int, **over: Any) -> dict[str, Any]:
    """A task of one step."""
    step = {"test": test, "required": True, "limit": limit, "seconds": None}
    plain = {"opens": None, "closes": None, "proctored": False, "stops": True, "automatic": True}
    return {"steps": [step], **plain, **over}


def test_a_walk_reaches_every_status(settings: Settings, clock: Clock) -> None:
    REACHED.clear()

    with staged(settings, clock) as stage:
        machine = Machine(stage)
        machine.two_organizations(
            _task(0, 2, proctored=True), _task(1, 1, closes=2_700, stops=False, automatic=False), ISSUE
        )
        _walk(machine)
        machine.teardown()

    assert set(REACHED) == STATUSES - UNREACHABLE


def _walk(machine: Machine) -> None:
    admitted, cancelled, submitted, late = machine.desk.sessions
    # a proctor's hall: one is sent away before the beginning; the other is lost, comes back, and is sent away, too
    everything_else = machine.desk.try_in_vain
    everything_else(cancelled)
    machine.proctor(cancelled, "terminate", fit=False, twins=2)
    everything_else(cancelled)
    everything_else(admitted)
    machine.wait(61, swept=True)
    everything_else(admitted)
    machine.be_there(admitted, old=False)
    machine.proctor(admitted, "pause", fit=False, twins=2)
    everything_else(admitted)
    machine.wait(300, swept=True)
    machine.proctor(admitted, "resume", fit=False, twins=1)
    machine.proctor(admitted, "terminate", fit=False, twins=1)
    everything_else(admitted)
    machine.reinstate(admitted, 60, fit=False, twins=2)
    # at the desk: one hands in and is graded, the other is too late, and later nobody comes any more
    machine.answer(submitted, [("TRUE_FALSE", True), ("NUMERIC", 3.0), ("ESSAY", "Because.")], 0, old=False, twins=2)
    machine.hand_in(submitted, old=False, twins=2)
    everything_else(submitted)
    machine.grade(submitted, "ESSAY", 0.5)
    machine.look(submitted, staff=False)
    machine.release(submitted, everybody=True)
    machine.look(submitted, staff=False)
    machine.pry(machine.desk.clients[0])
    machine.adjust(late, 90, everybody=True, twins=1)
    machine.wait(3_600, swept=False)
    machine.answer(late, [("NUMERIC", 7.0)], 1, old=False, twins=1)
    machine.wait(1, swept=True)
    everything_else(late)
    # tickets on hold and taken back, tasks closed, and an assessment in which nobody sat
    machine.hold(machine.desk.tickets[0], on=True, twins=2)
    everything_else(admitted)
    machine.hold(machine.desk.tickets[0], on=False, twins=1)
    machine.revoke(machine.desk.tickets[1], end=True, sure=True)
    everything_else(cancelled)
    machine.open_or_close(0, opening=False, twins=2)
    machine.set_up(0, _task(2, 1, closes=600), opened=True)
    machine.set_up(0, _task(2, 1), opened=False)
    machine.issue(2, ISSUE, "a", 2)
    machine.share(machine.desk.tickets[-1], None, 1)
    machine.come_by_link(machine.desk.links[0], 2)
    machine.wait(DAY, swept=True)
    machine.pry(machine.desk.clients[0])
    machine.look(submitted, staff=True)
    # and whoever may not do something may do it to none of them
    for what in ACTS:
        for who in range(5):
            machine.trespass(submitted, what, who)
