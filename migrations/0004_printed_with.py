from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("admit", "0003_keys_and_sign_in")]

    initial = False

    operations = [
        ops.AddField(
            model_name="ApiKey",
            name="previous_printed_with",
            field=fields.CharField(null=True, max_length=16),
        ),
        ops.AddField(
            model_name="ApiKey",
            name="printed_with",
            field=fields.CharField(null=True, max_length=16),
        ),
    ]
