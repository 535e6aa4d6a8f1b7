"""Addresses of the pages. `/{namespace}/…` come after every fixed word, `/{name}` last of all."""

from allauth.account import views as allauth
from django.urls import path, re_path
from django.views.generic import RedirectView

from hub.web import account_urls, collection_urls, moderation_urls, notify_urls, repo_urls
from hub.web.pages import (
    accounts,
    applications,
    attachments,
    demo_streams,
    discussion_lists,
    home,
    profiles,
    repo_access,
    repo_reviews,
    settings,
    setup,
    sign_in,
    site,
    social,
    storage,
    usage,
)

urlpatterns = [
    # The site as a whole.
    path("", home.home, name="home"),
    path("preferences", site.preferences, name="preferences"),
    path("discussions", discussion_lists.of_hub, name="discussions"),
    path("reviews/score", repo_reviews.score, name="how_scores_are_made"),
    path("following/<str:name>", social.follow, name="follow"),
    path("robots.txt", site.robots, name="robots"),
    path("favicon.ico", site.favicon, name="favicon"),
    path("avatars/<str:name>.svg", profiles.avatar, name="avatar"),
    # Coming in. The names are those that allauth looks for.
    path("login", accounts.login, name="account_login"),
    path("logout", allauth.logout, name="account_logout"),
    path("signup", accounts.signup, name="account_signup"),
    path("setup/<str:secret>", setup.setup, name="setup"),
    path("account/inactive", allauth.account_inactive, name="account_inactive"),
    path("account/reauthenticate", allauth.reauthenticate, name="account_reauthenticate"),
    path("email/confirm", allauth.email_verification_sent, name="account_email_verification_sent"),
    path("email/confirm/<str:key>", allauth.confirm_email, name="account_confirm_email"),
    path("password/reset", accounts.password_reset, name="account_reset_password"),
    path("password/reset/sent", allauth.password_reset_done, name="account_reset_password_done"),
    path("password/reset/done", allauth.password_reset_from_key_done, name="account_reset_password_from_key_done"),
    # The key itself has hyphens, so only a pattern can tell where it starts.
    re_path(
        r"^password/reset/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>[^/]+)$",
        accounts.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    # Letting tools and applications in.
    path("device", sign_in.device, name="device"),
    path("oauth/authorize", sign_in.authorize, name="authorize"),
    # Settings.
    path("settings", RedirectView.as_view(pattern_name="settings_profile")),
    path("settings/profile", settings.profile, name="settings_profile"),
    path("settings/account", settings.account, name="account_email"),
    path("settings/password", accounts.password_change, name="account_change_password"),
    path("settings/password/set", accounts.password_set, name="account_set_password"),
    path("settings/tokens", settings.tokens, name="settings_tokens"),
    path("settings/tokens/<int:token_id>/revoke", settings.revoke_token, name="revoke_token"),
    path("settings/gated", repo_access.own_requests, name="settings_gated"),
    path("settings/sign-ins/<int:sign_in_id>/end", settings.end_sign_in, name="end_sign_in"),
    path("settings/applications", applications.list_all, name="settings_applications"),
    path("settings/applications/<int:application_id>/withdraw", applications.withdraw, name="withdraw_consent"),
    path("settings/applications/<str:client_id>", applications.change, name="settings_application"),
    path("settings/applications/<str:client_id>/secret", applications.renew_secret, name="renew_application_secret"),
    path("settings/applications/<str:client_id>/delete", applications.delete, name="delete_application"),
    path("settings/invitations", settings.invitations, name="settings_invitations"),
    path("settings/invitations/<int:link_id>/revoke", settings.revoke_invitation, name="revoke_invitation"),
    path("settings/storage", storage.show, name="settings_storage"),
    path("settings/usage/<str:name>", usage.show, name="usage"),
    path("settings/usage/<str:name>/quota", usage.change_quota, name="set_quota"),
    path("settings/storage/start", storage.start, name="start_storage"),
    # Collections.
    *collection_urls.urlpatterns,
    # Pictures beside texts. Tools send theirs to `uploads` itself.
    path("uploads/new", attachments.add, name="upload_picture"),
    path("uploads/<uuid:picture>", attachments.show, name="picture"),
    path("settings/uploads", attachments.own, name="settings_uploads"),
    path("settings/uploads/<uuid:picture>/delete", attachments.delete, name="delete_picture"),
    # The second factor, another provider, organizations.
    *account_urls.urlpatterns,
    # Reports, moderation, blocks.
    *moderation_urls.urlpatterns,
    # Notifications and webhooks.
    *notify_urls.urlpatterns,
    # Answers of demos, as they come.
    path("stream/<uuid:job_id>", demo_streams.stream, name="stream"),
    path("stream/<uuid:job_id>/stop", demo_streams.stop, name="stream_stop"),
    # Lists, repositories and what is in them.
    *repo_urls.urlpatterns,
    # A user or an organization. Last.
    path("<str:name>", profiles.profile, name="profile"),
]
