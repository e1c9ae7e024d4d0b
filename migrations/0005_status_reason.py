from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("admit", "0004_printed_with")]

    initial = False

    operations = [
        ops.AddField(
            model_name="TestSession",
            name="status_reason",
            field=fields.CharField(null=True, max_length=500),
        ),
    ]
