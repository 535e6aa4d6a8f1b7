"""Pull requests tell of new commits."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('community', '0008_comment_words'),
    ]

    operations = [
        migrations.AlterField(
            model_name='activity',
            name='kind',
            field=models.CharField(choices=[('repository', 'New repository'), ('release', 'Release'), ('discussion', 'Discussion'), ('question', 'Question'), ('pull_request', 'Pull request'), ('comment', 'Comment'), ('commits', 'New commits'), ('status', 'Closed, reopened or merged'), ('answer', 'Accepted answer'), ('review', 'Review'), ('review_reply', 'Reply to a review'), ('result', 'Result of an evaluation'), ('follow', 'Follower'), ('invitation', 'Invitation'), ('join_request', 'Request to join'), ('joined', 'New member'), ('webhook_disabled', 'Webhook switched off'), ('moderation', 'Message from the moderators')], max_length=32),
        ),
    ]
