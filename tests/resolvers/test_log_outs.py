"""Ending log-ins: everywhere at once, and because a refresh token came twice."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.applications import Starlette

from models import Event, EventType, Login, Permission, Role
from tests.furnished import furnish, program
from tests.world import LOG_IN, PASSWORD, Clock, Door

EVERYWHERE = """
mutation ($input: LogOutEverywhereInput!) {
  logOutEverywhere(input: $input) { __typename ... on LogOutEverywhereSuccess { ended } }
}
"""
REFRESH = """
mutation ($input: RefreshAccessTokenInput!) {
  refreshAccessToken(input: $input) { ... on RefreshAccessTokenSuccess { accessToken refreshToken } }
}
"""
LOG_OUT = "mutation ($input: LogOutInput!) { logOut(input: $input) { __typename } }"
NAME = "{ organization { name } }"
ENDED = {"__typename": "LogOutEverywhereSuccess"}


async def log_in(owner: Door) -> Door:
    """The same member on another device."""
    made = await owner.with_token(None).mutate(LOG_IN, email=owner.known["member"]["email"], password=PASSWORD)
    return owner.with_token(made["accessToken"], **made)


async def log_outs() -> list[dict[str, Any]]:
    """What the log says of them."""
    events = await Event.filter(type=EventType.MEMBER_LOGGED_OUT).order_by("position")
    return [{"subject": event.subject, "actor": event.actor, **event.payload} for event in events]


async def test_a_member_ends_all_of_its_log_ins_this_one_too(door: Door) -> None:
    owner = await door.sign_up()
    devices = [owner, await log_in(owner), await log_in(owner)]

    answer = await devices[1].mutate(EVERYWHERE)

    assert answer == {**ENDED, "ended": 3}
    assert [await device.code_of(NAME) for device in devices] == ["UNAUTHENTICATED"] * 3
    spent = [await door.code_of(REFRESH, input={"refreshToken": one.known["refreshToken"]}) for one in devices]
    assert spent == ["UNAUTHENTICATED"] * 3
    member = owner.known["member"]["id"]
    assert await log_outs() == [{"subject": member, "actor": member, "reason": "everywhere", "log_ins": 3}]


async def test_whoever_logs_in_afterwards_is_in(door: Door) -> None:
    owner = await door.sign_up()
    await owner.mutate(EVERYWHERE)

    again = await log_in(owner)

    assert await again.code_of(NAME) is None


async def test_log_ins_that_had_ended_are_not_counted(door: Door, clock: Clock) -> None:
    owner = await door.sign_up()
    clock.forward(days=30)
    device, other = await log_in(owner), await log_in(owner)
    await other.mutate(LOG_OUT)

    answer = await device.mutate(EVERYWHERE)

    assert answer == {**ENDED, "ended": 1}


async def test_an_admin_ends_another_members_log_ins_and_nobody_elses(door: Door) -> None:
    owner = await door.sign_up()
    admin, proctor = await owner.colleague(Role.ADMIN), await owner.colleague(Role.PROCTOR)
    elsewhere = await log_in(proctor)
    member = {"memberId": proctor.known["member"]["id"]}

    answers = [await admin.mutate(EVERYWHERE, **member) for _ in range(2)]

    assert [answer["ended"] for answer in answers] == [2, 0]
    assert [await one.code_of(NAME) for one in (proctor, elsewhere)] == ["UNAUTHENTICATED"] * 2
    assert [await one.code_of(NAME) for one in (owner, admin)] == [None, None]
    told = {"subject": proctor.known["member"]["id"], "actor": admin.known["member"]["id"]}
    assert await log_outs() == [{**told, "reason": "everywhere", "log_ins": 2}]


@pytest.mark.parametrize("role", [Role.INSTRUCTOR, Role.PROCTOR, Role.VIEWER])
async def test_others_end_only_their_own(door: Door, role: Role) -> None:
    owner = await door.sign_up()
    colleague = await owner.colleague(role)

    refused = await colleague.code_of(EVERYWHERE, input={"memberId": owner.known["member"]["id"]})
    own = await colleague.mutate(EVERYWHERE, memberId=colleague.known["member"]["id"])

    assert (refused, own["ended"]) == ("FORBIDDEN", 1)
    assert await owner.code_of(NAME) is None


async def test_a_program_names_a_member_and_needs_the_permission(door: Door, app: Starlette) -> None:
    owner = await door.sign_up()
    things = await furnish(app.state.site, owner)
    member = {"memberId": owner.known["member"]["id"]}
    manager = await program(app.state.site, things, [Permission.MANAGE_ORGANIZATION])
    reader = await program(app.state.site, things, [Permission.READ])

    codes = [
        await reader.code_of(EVERYWHERE, input=member),
        await manager.code_of(EVERYWHERE, input={}),
        await things.sitter.code_of(EVERYWHERE, input={}),
        await things.sitter.code_of(EVERYWHERE, input=member),
        await door.code_of(EVERYWHERE, input={}),
    ]

    assert codes == ["FORBIDDEN", "FORBIDDEN", "FORBIDDEN", "NOT_FOUND", "UNAUTHENTICATED"]
    assert await log_outs() == []
    assert (await manager.mutate(EVERYWHERE, **member))["ended"] == await Login.all().count()


async def test_of_several_at_the_same_moment_each_log_in_is_counted_once(door: Door) -> None:
    owner = await door.sign_up()
    admin = await owner.colleague(Role.ADMIN)
    devices = [owner, *[await log_in(owner) for _ in range(3)]]

    answers = await asyncio.gather(*(admin.mutate(EVERYWHERE, memberId=owner.known["member"]["id"]) for _ in range(4)))

    assert sorted(answer["ended"] for answer in answers) == [0, 0, 0, len(devices)]
    assert len(await log_outs()) == 1


async def test_a_refresh_at_the_same_moment_as_the_log_out_leaves_nothing_alive(door: Door) -> None:
    owner = await door.sign_up()
    device = await log_in(owner)

    refreshed, _ = await asyncio.gather(
        door.execute(REFRESH, input={"refreshToken": device.known["refreshToken"]}), owner.mutate(EVERYWHERE)
    )

    made = (refreshed.get("data") or {}).get("refreshAccessToken") or {}
    tokens = [token for token in (device.token, made.get("accessToken")) if token]
    assert [await door.with_token(token).code_of(NAME) for token in tokens] == ["UNAUTHENTICATED"] * len(tokens)
    assert await Login.filter(revoked_at=None).count() == 0


# ---- a refresh token that comes twice ----------------------------------------------------------------------------


async def test_a_stolen_refresh_token_ends_the_log_in_for_the_thief_and_for_the_owner(door: Door) -> None:
    owner = await door.sign_up()
    stolen = {"refreshToken": owner.known["refreshToken"]}
    thief = (await door.mutate(REFRESH, **stolen))["accessToken"]

    code = await door.code_of(REFRESH, input=stolen)

    assert code == "UNAUTHENTICATED"
    assert [await door.with_token(token).code_of(NAME) for token in (thief, owner.token)] == ["UNAUTHENTICATED"] * 2
    member = owner.known["member"]["id"]
    assert await log_outs() == [{"subject": member, "actor": member, "reason": "refresh token reused"}]


async def test_a_stolen_refresh_token_of_long_ago_ends_it_too(door: Door) -> None:
    owner = await door.sign_up()
    made: dict[str, Any] = {"refreshToken": owner.known["refreshToken"]}
    for _ in range(3):
        made = await door.mutate(REFRESH, refreshToken=made["refreshToken"])

    await door.code_of(REFRESH, input={"refreshToken": owner.known["refreshToken"]})

    assert await door.with_token(made["accessToken"]).code_of(NAME) == "UNAUTHENTICATED"
    assert await door.code_of(REFRESH, input={"refreshToken": made["refreshToken"]}) == "UNAUTHENTICATED"


async def test_other_log_ins_of_the_member_go_on(door: Door) -> None:
    owner = await door.sign_up()
    other = await log_in(owner)
    for _ in range(2):
        await door.execute(REFRESH, input={"refreshToken": owner.known["refreshToken"]})

    assert await other.code_of(NAME) is None
    assert (await door.mutate(REFRESH, refreshToken=other.known["refreshToken"]))["accessToken"]


async def test_of_twins_at_the_same_moment_one_wins_and_what_it_won_is_over(door: Door) -> None:
    owner = await door.sign_up()
    stolen = {"refreshToken": owner.known["refreshToken"]}

    answers = await asyncio.gather(*(door.execute(REFRESH, input=stolen) for _ in range(2)))

    won = [answer["data"]["refreshAccessToken"] for answer in answers if "errors" not in answer]
    assert len(won) == 1
    assert await door.with_token(won[0]["accessToken"]).code_of(NAME) == "UNAUTHENTICATED"
    assert await door.code_of(REFRESH, input={"refreshToken": won[0]["refreshToken"]}) == "UNAUTHENTICATED"
    assert len(await log_outs()) == 1
