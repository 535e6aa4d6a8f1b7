from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('repos', '0005_complete_version_store'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='blobclaim',
            name='claim_once',
        ),
        migrations.AddConstraint(
            model_name='blobclaim',
            constraint=models.UniqueConstraint(fields=('repository', 'blob', 'user'), name='claim_once'),
        ),
    ]
