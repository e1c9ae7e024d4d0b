"""When an assessment lapses, on its own row: looking for those that have reads no other, however many are open."""

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("admit", "0005_status_reason")]

    initial = False

    operations = [
        ops.AddField(
            model_name="Assessment",
            name="lapses_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.RunSQL(
            "UPDATE assessment SET lapses_at = ("
            "SELECT CASE WHEN task.closes_at IS NULL OR ticket.valid_until <= task.closes_at "
            "THEN ticket.valid_until ELSE task.closes_at END "
            "FROM ticket JOIN task ON task.id = ticket.task_id WHERE ticket.id = assessment.ticket_id)",
            ops.RunSQL.noop,
        ),
        ops.RemoveIndex(model_name="Assessment", name=None, fields=["status", "id"]),
        ops.AddIndex(model_name="Assessment", index=Index(fields=["status", "lapses_at"])),
    ]
