"""The machine's clock jumps two hours ahead and one hour back: only log-ins suffer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.faults.crowd import LONG_TEST, Crowd, client, crowd
from tests.faults.figures import Figures, Length
from tests.faults.restarted import VIEWER
from tests.faults.stage import Stage
from tests.hall import ENTER, START
from tests.listening import Socket, socket
from tests.process import ROOT
from tests.world import LOG_IN, PASSWORD, Door

AHEAD, BACK, RIGHT = 2 * 3600, -3600, 0
HOUR = 3600
SOON = 10.0  # seconds that a busy machine may take between two looks at a clock
LIMITS = {"LOG_INS_PER_EMAIL": "3", "LOG_INS_UNDELAYED": "100"}
STRANGER = {"email": "nobody@example.org", "password": "wrong wrong wrong"}
CHANGES = "subscription { testSessionStatusChanged { status } }"
SESSION = """
query ($id: ID!) {
  testSession(id: $id) { status startedAt deadlineAt endedAt remainingSeconds timeLedger { seconds } }
}
"""


async def run(stage: Stage, length: Length) -> Figures:
    """Ahead, right again, back, right again; three times in the long form."""
    times = length.of(1, 3)
    figures = Figures(f"clock +2 h, −1 h ×{times}", stage.database)
    shift = stage.folder / "shift"
    _set(shift, RIGHT)
    stage.environment |= {**LIMITS, "CLOCK_SHIFT": str(shift)}
    server = await stage.serve(program=ROOT / "tests/faults/shifted.py")
    async with client(base_url=server.base_url) as http:
        owner = await Door(http).sign_up()
        hurried, session = await _begin(owner, HOUR)
        async with crowd(stage, [server], figures, issuers=0) as people, socket(hurried) as open_before:
            await open_before.subscribe(CHANGES)
            for _ in range(int(LIMITS["LOG_INS_PER_EMAIL"])):
                await Door(http).mutate(LOG_IN, **STRANGER)
            for by in (AHEAD, RIGHT, BACK, RIGHT) * times:
                _set(shift, by)
                await people.acknowledge(length.of(15, 100))  # candidates notice nothing
                await _log_ins(figures, owner, by)
                await _remaining(figures, Door(http), people, by)
                await hurried.ask(SESSION, id=session)  # looking closes what ran out
            await _lives(figures, open_before)
        ended = (await owner.ask(SESSION, id=session))["testSession"]
        closed = (ended["status"], ended["endedAt"]) == ("TIMED_OUT", ended["deadlineAt"])
        figures.must(f"what ran out by the server's clock ended at its deadline: {ended}", closed)
        for one in people.sessions.values():
            seen = (await Door(http, people.owner).ask(SESSION, id=one))["testSession"]
            figures.must(f"the ledger sums: {seen}", _sums(seen))
    figures.must("a quiet log", not stage.noise())
    return figures


def _set(shift: Path, by: int) -> None:
    """The clock is off by so many seconds from now on; who reads the file meanwhile finds the one or the other."""
    written = shift.with_suffix(".new")
    written.write_text(str(by))
    written.replace(shift)


async def _begin(owner: Door, seconds: int) -> tuple[Door, str]:
    """A candidate with a test of so many seconds; the session."""
    test = await owner.make_test(durationSeconds=seconds)
    task = await owner.open_task(steps=[{"testId": test["id"]}])
    (ticket,) = await owner.issue(task["id"])
    code = ticket["invitationCode"]
    entered = await owner.with_token(None).mutate(ENTER, taskSlug=task["slug"], invitationCode=code)
    door = owner.with_token(entered["accessToken"])
    return door, (await door.mutate(START, stepId=task["steps"][0]["id"]))["testSession"]["id"]


async def _log_ins(figures: Figures, owner: Door, by: int) -> None:
    """A log-in may end early or count again; who logs in anew is in; limits go by what never goes back."""
    told = await owner.code_of(VIEWER)
    wanted: Sequence[str | None] = ["UNAUTHENTICATED"] if by == AHEAD else [None]
    figures.must(f"a log-in is good for its time by the clock, not {told} at {by}", told in wanted)
    anew: Any = await owner.with_token(None).mutate(LOG_IN, email=owner.known["member"]["email"], password=PASSWORD)
    figures.must(f"who logs in anew is in: {anew}", anew["__typename"] == "LogInSuccess")
    figures.must("with a token that is good", await owner.with_token(anew["accessToken"]).code_of(VIEWER) is None)
    refused = await owner.with_token(None).code_of(LOG_IN, input=STRANGER)
    figures.must(f"guesses are counted by what never goes back, not {refused} at {by}", refused == "RATE_LIMITED")


async def _remaining(figures: Figures, door: Door, people: Crowd, by: int) -> None:
    """The deadline stays where it is, and what is left until then is told by the server's clock."""
    session, token = next(iter(people.tokens.items()))
    seen = (await door.with_token(token).ask(SESSION, id=session))["testSession"]
    left = (datetime.fromisoformat(seen["deadlineAt"]) - datetime.now(UTC)).total_seconds() - by
    figures.must(f"{left:.0f} s are left, not {seen['remainingSeconds']}", abs(left - seen["remainingSeconds"]) < SOON)


async def _lives(figures: Figures, made: Socket) -> None:
    """The socket that was open all the while still is."""
    await made.send({"type": "ping"})
    while (message := await made.receive())["type"] == "next":
        pass
    figures.must(f"a socket lives on, and is not told {message}", message["type"] == "pong")


def _sums(session: dict[str, Any]) -> bool:
    """Whether start, duration and ledger are the deadline."""
    whole = datetime.fromisoformat(session["deadlineAt"]) - datetime.fromisoformat(session["startedAt"])
    summed: int = LONG_TEST + sum(entry["seconds"] for entry in session["timeLedger"])
    return whole.total_seconds() == summed
