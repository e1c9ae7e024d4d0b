"""Invariant 3: one open assessment per ticket, one unfinished session per step, attempt numbers used once."""

from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("admit", "0001_initial")]

    operations = [
        ops.RunSQL(
            "CREATE UNIQUE INDEX one_open_assessment ON assessment (ticket_id) "
            "WHERE status IN ('CREATED', 'IN_PROGRESS')",
            "DROP INDEX one_open_assessment",
        ),
        ops.RunSQL(
            "CREATE UNIQUE INDEX one_unfinished_session ON test_session (assessment_id, step_id) "
            "WHERE status IN ('AWAITING_PROCTOR', 'READY', 'ACTIVE', 'PAUSED', 'INTERRUPTED')",
            "DROP INDEX one_unfinished_session",
        ),
        ops.RunSQL(
            "CREATE UNIQUE INDEX one_session_per_attempt ON test_session (assessment_id, step_id, attempt)",
            "DROP INDEX one_session_per_attempt",
        ),
    ]
