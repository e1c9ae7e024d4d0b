"""Reading anything by its global id, and who one is."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette

from models import Role
from schema.node import NODES
from tests.furnished import furnish
from tests.world import Door

NODE = "query ($id: ID!) { node(id: $id) { __typename id } }"
NODES_OF = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
VIEWER = "{ viewer { __typename ... on Node { id } } }"
POSSIBLE = '{ __type(name: "Node") { possibleTypes { name } } }'
KEY = """
mutation ($input: CreateApiKeyInput!) {
  createApiKey(input: $input) { ... on CreateApiKeySuccess { secret apiKey { id } } }
}
"""


async def test_everything_that_is_a_node_can_be_read_by_its_id(door: Door, app: Starlette) -> None:
    owner = await door.sign_up()
    things = (await furnish(app.state.site, owner)).nodes
    types = {each["name"] for each in (await door.ask(POSSIBLE))["__type"]["possibleTypes"]}

    answers = {name: (await owner.ask(NODE, id=gid))["node"] for name, gid in things.items() if name in types}

    assert answers == {name: {"__typename": name, "id": things[name]} for name in types}
    assert {model.__name__ for model in NODES.values()} == types


async def test_nodes_answers_in_order_and_by_one_statement_for_each_type(
    door: Door, app: Starlette, statements: list[str]
) -> None:
    owner = await door.sign_up()
    first = await furnish(app.state.site, owner)
    ids = [first.ticket.gid, first.task.gid, first.test.gid, first.candidate.gid]
    statements.clear()

    data = await owner.ask(NODES_OF, ids=[*ids, *reversed(ids)])

    assert [node["id"] for node in data["nodes"]] == [*ids, *reversed(ids)]
    assert len(statements) == 1 + len(ids)  # the credential, and each type


async def test_another_organizations_things_are_not_there(door: Door, app: Starlette) -> None:
    owner, stranger = await door.sign_up(), await door.sign_up()
    things = (await furnish(app.state.site, owner)).nodes
    await furnish(app.state.site, stranger)

    codes = {name: await stranger.code_of(NODE, id=gid) for name, gid in things.items()}

    assert codes == dict.fromkeys(things, "NOT_FOUND")


@pytest.mark.parametrize(
    "id_", ["", "junk", "tsk_", "tsk_junk", "xyz_01890a5d-ac96-774b-bcce-b302099a8057", "tsk_{" + "0" * 34 + "}"]
)
async def test_what_is_no_id_is_like_an_absent_one(door: Door, id_: str) -> None:
    owner = await door.sign_up()
    absent = "tsk_01890a5d-ac96-774b-bcce-b302099a8057"

    answers = [await owner.execute(NODE, id=given) for given in (id_, absent)]

    assert [answer["data"] for answer in answers] == [{"node": None}] * 2
    assert answers[0]["errors"][0]["extensions"] == answers[1]["errors"][0]["extensions"] == {"code": "NOT_FOUND"}


async def test_nodes_tells_of_each_id_that_is_not_there(door: Door) -> None:
    owner = await door.sign_up()
    own = owner.known["organization"]["id"]

    answer = await owner.execute(NODES_OF, ids=["junk", own, "tsk_01890a5d-ac96-774b-bcce-b302099a8057"])

    assert answer["data"] == {"nodes": [None, {"__typename": "Organization", "id": own}, None]}
    assert [(error["path"], error["extensions"]["code"]) for error in answer["errors"]] == [
        (["nodes", 0], "NOT_FOUND"),
        (["nodes", 2], "NOT_FOUND"),
    ]


async def test_nodes_takes_at_most_a_hundred(door: Door) -> None:
    owner = await door.sign_up()
    own = owner.known["organization"]["id"]

    hundred = await owner.ask(NODES_OF, ids=[own] * 100)

    assert len(hundred["nodes"]) == 100
    assert await owner.code_of(NODES_OF, ids=[own] * 101) == "BAD_REQUEST"


async def test_some_nodes_need_a_permission(door: Door, app: Starlette) -> None:
    owner = await door.sign_up()
    things = (await furnish(app.state.site, owner)).nodes
    viewer = await owner.colleague(Role.VIEWER)

    codes = {name: await viewer.code_of(NODE, id=gid) for name, gid in things.items()}

    assert {name for name, code in codes.items() if code == "FORBIDDEN"} == {"ApiKey", "Export"}
    assert {code for name, code in codes.items() if name not in ("ApiKey", "Export")} == {None}


async def test_a_candidate_knows_its_own_things_alone(door: Door, app: Starlette) -> None:
    owner = await door.sign_up()
    mine, other = await furnish(app.state.site, owner), await furnish(app.state.site, owner)

    own = {name: await mine.sitter.code_of(NODE, id=gid) for name, gid in mine.nodes.items()}
    others = {name: await mine.sitter.code_of(NODE, id=gid) for name, gid in other.nodes.items()}

    known = {"Test", "Task", "Step", "Candidate", "Ticket", "Assessment", "TestSession"}
    assert {name for name, code in own.items() if code is None} == known
    assert own["Organization"] == own["Event"] == others.pop("Organization") == "FORBIDDEN"
    assert set(others.values()) == {"NOT_FOUND"}


async def test_nobody_reads_nodes_without_a_credential(door: Door) -> None:
    owner = await door.sign_up()

    codes = [await door.code_of(NODE, id=id_) for id_ in (owner.known["organization"]["id"], "junk")]

    assert codes == ["UNAUTHENTICATED"] * 2


async def test_everybody_may_know_who_they_are(door: Door, app: Starlette) -> None:
    owner = await door.sign_up()
    mine = await furnish(app.state.site, owner)
    key = await owner.mutate(KEY, name="Robot", scopes=["EXPORT"])
    program = door.with_token(key["secret"])

    seen = [(await who.ask(VIEWER))["viewer"] for who in (owner, program, mine.sitter, door)]

    assert seen == [
        {"__typename": "Member", "id": owner.known["member"]["id"]},
        {"__typename": "ApiKey", "id": key["apiKey"]["id"]},
        {"__typename": "Candidate", "id": mine.candidate.gid},
        None,
    ]
