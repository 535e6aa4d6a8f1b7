"""Object bodies are deflated already and hashes do not shrink: PostgreSQL need not try to compress them again."""

from django.db import migrations

COLUMNS = [
    ("repos_gitobject", "body"),
    ("repos_xorbindex", "chunk_hashes"),
]


class Migration(migrations.Migration):
    dependencies = [("repos", "0001_initial")]

    operations = [
        migrations.RunSQL(
            f"ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE EXTERNAL",
            f"ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE EXTENDED",
        )
        for table, column in COLUMNS
    ]
