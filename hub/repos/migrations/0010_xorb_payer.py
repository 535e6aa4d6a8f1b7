import django.db.models.deletion
from django.db import migrations, models

FILL = """
UPDATE repos_xorb SET payer_id = repository.namespace_id
FROM repos_repository AS repository WHERE repository.id = repos_xorb.first_repository_id
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_storage_quota"),
        ("repos", "0009_git_object_age"),
    ]

    operations = [
        migrations.AddField(
            model_name="xorb",
            name="payer",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="accounts.namespace",
            ),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.RemoveField(model_name="xorb", name="first_repository"),
    ]
