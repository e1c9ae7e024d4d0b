"""Writing, publishing and retiring tests."""

from __future__ import annotations

import strawberry

import models
from resolvers.context import Info
from schema.test import (
    CreateTestInput,
    CreateTestResult,
    CreateTestSuccess,
    PublishTestResult,
    PublishTestSuccess,
    RetireTestResult,
    RetireTestSuccess,
    TestIdInput,
)
from services import tests


@strawberry.type
class TestMutations:
    """Mutations about tests."""

    __test__ = False

    @strawberry.mutation(graphql_type=CreateTestResult, description="Write a test; published, it never changes.")
    async def create_test(self, info: Info, input: CreateTestInput) -> CreateTestSuccess:
        """Authors only."""
        return CreateTestSuccess(test=await _created(info.context.actor, input))

    @strawberry.mutation(
        graphql_type=PublishTestResult, description="Let tasks deliver a draft, which never changes from now on."
    )
    async def publish_test(self, info: Info, input: TestIdInput) -> PublishTestSuccess:
        """DRAFT → PUBLISHED."""
        return PublishTestSuccess(test=await tests.publish(info.context.actor, models.Test.key_of(input.test_id)))

    @strawberry.mutation(
        graphql_type=RetireTestResult, description="Let no new task deliver the test; those that do go on."
    )
    async def retire_test(self, info: Info, input: TestIdInput) -> RetireTestSuccess:
        """DRAFT or PUBLISHED → RETIRED."""
        return RetireTestSuccess(test=await tests.retire(info.context.actor, models.Test.key_of(input.test_id)))


async def _created(actor: models.Actor, input: CreateTestInput) -> models.Test:
    return await tests.create(
        actor,
        input.title,
        [section.to_model() for section in input.sections],
        description=input.description,
        duration_seconds=input.duration_seconds,
        pass_ratio=input.pass_ratio,
        publish=input.publish is not False,
    )
