"""The rules, second half: what is done to tickets, what time does, races, trespasses, and looking."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.machine import acts, requests
from tests.machine.choices import CLIENT, DAY, FIT, HOUR, MINUTE, SESSION, TICKET, TWINS, where_there_is_one
from tests.machine.desk import ACTS, OF_CANDIDATES, OF_OFFICE, OF_PROCTORS, SWEPT
from tests.machine.happenings import OFFICE, Happenings
from tests.machine.requests import Client


class Machine(Happenings):
    """Everything that may happen."""

    @OFFICE
    @rule(gid=TICKET, on=st.booleans(), twins=TWINS)
    def hold(self, gid: str, on: bool, twins: int) -> None:
        """Suspend or restore a ticket."""
        self.desk.ask(*[requests.hold(self.desk.owner_of(gid), [gid], on)] * twins)

    @OFFICE
    @rule(one=TICKET, other=TICKET, on=st.booleans())
    def hold_two(self, one: str, other: str, on: bool) -> None:
        """Two at once, all or none; another organization's is not there."""
        desk = self.desk
        asked = requests.hold(desk.owner_of(one), [one, other], on)
        if desk.owner_of(one) is desk.owner_of(other):
            desk.ask(asked)
        else:
            desk.ask_in_vain(asked, desk.owner_of(one), {"NOT_FOUND"})

    @OFFICE
    @rule(gid=TICKET, end=st.booleans(), sure=st.sampled_from([True, False, False]))
    def revoke(self, gid: str, end: bool, sure: bool) -> None:
        """Withdraw a ticket, not too often: little happens to it afterwards."""
        if sure:
            self.desk.ask(requests.revoke(self.desk.owner_of(gid), [gid], end))

    @rule(which=st.sampled_from(SWEPT), twins=TWINS)
    def sweep(self, which: str, twins: int) -> None:
        """The clockwork sweeps, perhaps in two processes at once."""
        self.desk.ask(*[acts.sweep(self.desk.stage.site, which)] * twins)

    @rule(
        seconds=st.sampled_from([1, 4, 61, 5 * MINUTE, 20 * MINUTE, 61, HOUR, 6 * HOUR, DAY + 1]), swept=st.booleans()
    )
    def wait(self, seconds: int, swept: bool) -> None:
        """Time passes."""
        self._wait(seconds, swept)

    @rule(at=st.integers(0, 3), offset=st.sampled_from([-1, 0, 1, 4, 5, 6]), swept=st.booleans())
    def wait_for_an_edge(self, at: int, offset: int, swept: bool) -> None:
        """Until just before, at or after a moment at which something ends or begins."""
        edges = self.desk.edges()
        if edges:
            edge = edges[min(at, len(edges) - 1)] + timedelta(seconds=offset, microseconds=-1)  # asking takes one
            self._wait(max(0.0, (edge - self.desk.world.now) / timedelta(seconds=1)), swept)

    def _wait(self, seconds: float, swept: bool) -> None:
        """Time passes, and perhaps the clockwork runs meanwhile as it always does, or else the server was away."""
        self.desk.forward(seconds=seconds)
        for which in SWEPT if swept else ():
            self.desk.ask(acts.sweep(self.desk.stage.site, which))

    @rule(gid=SESSION, one=st.sampled_from(OF_CANDIDATES + OF_PROCTORS), other=st.sampled_from(ACTS + SWEPT), fit=FIT)
    @where_there_is_one
    def race(self, gid: str, one: str, other: str, fit: bool) -> None:
        """Two things at the same moment come out as one after the other would."""
        gid = self.desk.fitting(gid, one) if fit else gid
        self.desk.ask(self.desk.act(gid, one), self.desk.act(gid, other))

    @rule(gid=SESSION, what=st.sampled_from(ACTS), who=st.integers(0, 4))
    @where_there_is_one
    def trespass(self, gid: str, what: str, who: int) -> None:
        """Whoever may not is told so, and changes nothing: a foreign owner not even that it is there."""
        desk = self.desk
        asked, home = desk.act(gid, what), desk.house(desk.world.by[gid].task)
        abroad = next(house for house in desk.houses if house is not home)
        if what == "enter":
            desk.pry(home)  # whoever has the code may come in
        elif who == 0:
            desk.ask_in_vain(asked, abroad.doors["owner"], {"NOT_FOUND"})
        elif who == 1:
            desk.ask_in_vain(asked, home.doors["viewer"], {"FORBIDDEN"})
        elif who == 2:
            desk.ask_in_vain(asked, desk.nobody, {"UNAUTHENTICATED"})
        elif who == 3 and what in OF_OFFICE:
            desk.ask_in_vain(asked, home.doors["proctor"], {"FORBIDDEN"})
        elif who == 4 and what not in OF_CANDIDATES:
            desk.ask_in_vain(asked, desk.sitter(gid).door, {"FORBIDDEN", "UNAUTHENTICATED"})

    @rule(gid=SESSION, staff=st.booleans())
    @where_there_is_one
    def look(self, gid: str, staff: bool) -> None:
        """At a session."""
        self.desk.look_at(gid, None if staff else self.desk.sitter(gid))

    @rule(house=st.integers(0, 1), first=st.sampled_from([1, 3, 10]))
    def read_on(self, house: int, first: int) -> None:
        """In the log."""
        self.desk.read_on(self.desk.houses[house], first)

    @rule(client=CLIENT)
    @where_there_is_one
    def pry(self, client: Client) -> None:
        """A candidate asks for what is others'."""
        self.desk.pry_as(client)

    def teardown(self) -> None:
        """Read everything once more, and leave nothing behind."""
        self.desk.close()
