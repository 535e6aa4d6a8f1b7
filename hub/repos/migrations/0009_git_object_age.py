import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("repos", "0008_bucket_totals"),
    ]

    operations = [
        # No row is written for it: Postgres keeps the default of the rows that are there apart.
        migrations.AddField(
            model_name="gitobject",
            name="written_at",
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
        ),
    ]
