"""A record of acts that can be changed proves nothing: the database itself refuses to."""

from django.db import migrations

# As arguments: the columns that may become null, which they do when the account that they name is deleted.
FUNCTION = """
CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    was jsonb;
    becomes jsonb;
    emptied text;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        was := to_jsonb(OLD);
        becomes := to_jsonb(NEW);
        FOREACH emptied IN ARRAY TG_ARGV LOOP
            IF becomes -> emptied = 'null'::jsonb THEN
                was := was - emptied;
                becomes := becomes - emptied;
            END IF;
        END LOOP;
        IF was = becomes THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END
$$
"""
TRIGGER = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON core_auditevent
FOR EACH ROW EXECUTE FUNCTION append_only('actor_id')
"""


class Migration(migrations.Migration):
    dependencies = [("core", "0001_initial")]

    operations = [
        migrations.RunSQL(FUNCTION, "DROP FUNCTION append_only()"),
        migrations.RunSQL(TRIGGER, "DROP TRIGGER append_only ON core_auditevent"),
    ]
