"""How people want to be told what happens."""

from django import forms
from django.utils.translation import gettext_lazy as _

from hub.community.models import NotificationSettings


class DeliveryForm(forms.ModelForm):
    """A way for each reason."""

    class Meta:
        model = NotificationSettings
        fields = ["direct", "mentioned", "participating", "watching", "watch_own"]
        labels = {
            "direct": _("What is meant for you alone: invitations, followers, messages of the moderators"),
            "mentioned": _("Somebody mentions you"),
            "participating": _("News where you take part: what you opened, or have written in"),
            "watching": _("News of what you watch"),
            "watch_own": _("Watch what is mine: my repositories, and those of my organizations that I may change"),
        }
