from tortoise import migrations
from tortoise.migrations import operations as ops
from models.actor import Role
from models.chance import new_id
from models.clock import now
from orjson import loads
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import UniqueConstraint

class Migration(migrations.Migration):
    dependencies = [('admit', '0002_at_most_one_open')]

    initial = False

    operations = [
        ops.CreateModel(
            name='IdentityProvider',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('created_at', fields.DatetimeField(default=now, auto_now=False, auto_now_add=False)),
                ('organization', fields.ForeignKeyField('admit.Organization', source_field='organization_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.CASCADE)),
                ('issuer', fields.CharField(max_length=500)),
                ('client_id', fields.CharField(max_length=255)),
                ('client_secret', fields.CharField(max_length=2000)),
                ('allowed_domains', fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ('default_role', fields.CharEnumField(null=True, description='What a member of staff does in the organization.', enum_type=Role, max_length=16)),
                ('is_enforced', fields.BooleanField(default=False)),
                ('proved_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'identity_provider', 'app': 'admit', 'unique_together': (('organization_id',),), 'pk_attr': 'id', 'table_description': "An organization's OpenID provider: one at most. `client_secret` is sealed, never shown."},
            bases=['Owned'],
        ),
        ops.AddField(
            model_name='ApiKey',
            name='previous_hash',
            field=fields.CharField(null=True, unique=True, max_length=64),
        ),
        ops.AddField(
            model_name='ApiKey',
            name='previous_until',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='ApiKey',
            name='task_ids',
            field=fields.JSONField(null=True, encoder=JSON_DUMPS, decoder=loads),
        ),
        ops.AlterModelOptions(
            name='Member',
            options={'table': 'member', 'app': 'admit', 'unique_together': (('organization_id', 'oidc_issuer', 'oidc_subject'),), 'indexes': [Index(fields=['organization_id', 'id'])], 'pk_attr': 'id', 'table_description': 'A person on staff, who signs in by password, or as the subject that an identity provider knows.'},
        ),
        ops.AddField(
            model_name='Member',
            name='oidc_issuer',
            field=fields.CharField(null=True, max_length=500),
        ),
        ops.AddField(
            model_name='Member',
            name='oidc_subject',
            field=fields.CharField(null=True, max_length=255),
        ),
        ops.AddConstraint(
            model_name='Member',
            constraint=UniqueConstraint(fields=('organization_id', 'oidc_issuer', 'oidc_subject'), name=None),
        ),
    ]
