"""Addresses of accounts: the second factor, passkeys, another provider, security, and organizations. Those of allauth's views
have the names that it looks for."""

from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp import views as totp
from allauth.socialaccount import views as social
from django.urls import path
from django.views.decorators.cache import never_cache

from hub.web.pages import data, joining, organizations, passkeys, security

urlpatterns = [
    # The second step of a log-in, a log-in without a password, and proving that it is still the same person.
    path("login/code", mfa.authenticate, name="mfa_authenticate"),
    path("login/passkey", passkeys.log_in, name="mfa_login_webauthn"),
    path("account/reauthenticate/code", mfa.reauthenticate, name="mfa_reauthenticate"),
    path("account/reauthenticate/passkey", passkeys.reauthenticate, name="mfa_reauthenticate_webauthn"),
    # By another provider, where one is configured.
    path("sso/login", security.sso_login, name="sso_login"),
    path("sso/callback", security.sso_callback, name="sso_callback"),
    path("sso/signup", social.signup, name="socialaccount_signup"),
    path("sso/cancelled", social.login_cancelled, name="socialaccount_login_cancelled"),
    # What opens an account.
    path("settings/security", security.show, name="mfa_index"),
    path("settings/security/app", never_cache(totp.activate_totp), name="mfa_activate_totp"),
    path("settings/security/app/remove", totp.deactivate_totp, name="mfa_deactivate_totp"),
    path("settings/security/codes", never_cache(recovery_codes.view_recovery_codes), name="mfa_view_recovery_codes"),
    path("settings/security/codes/new", security.new_codes, name="mfa_generate_recovery_codes"),
    path("settings/security/passkeys/new", passkeys.add, name="mfa_add_webauthn"),
    path("settings/security/passkeys/<int:pk>/rename", passkeys.rename, name="mfa_edit_webauthn"),
    path("settings/security/passkeys/<int:pk>/remove", passkeys.remove, name="mfa_remove_webauthn"),
    path("settings/security/disconnect", security.disconnect, name="socialaccount_connections"),
    path("settings/sessions/<int:browser_id>/end", security.end_session, name="end_session"),
    path("settings/sessions/end-others", security.end_other_sessions, name="end_other_sessions"),
    path("settings/data", data.show, name="settings_data"),
    path("settings/data/export", data.export, name="export_data"),
    path("settings/data/delete", data.delete, name="delete_account"),
    # Organizations.
    path("organizations/new", organizations.create, name="organization_new"),
    path("organizations/<str:name>/settings", organizations.settings, name="organization_settings"),
    path("organizations/<str:name>/delete", organizations.delete, name="organization_delete"),
    path("organizations/<str:name>/members", organizations.members, name="organization_members"),
    path("organizations/<str:name>/invitations/<int:invitation_id>/resend", joining.resend, name="member_reinvite"),
    path("organizations/<str:name>/invitations/<int:invitation_id>/withdraw", joining.withdraw, name="member_uninvite"),
    path("organizations/<str:name>/requests/<str:member>", joining.decide, name="join_decide"),
    path("organizations/<str:name>/join", joining.ask, name="join_ask"),
    path("organizations/<str:name>/answer", joining.answer, name="invitation_answer"),
    path("invitations/<str:secret>", joining.invitation, name="member_invitation"),
    path("organizations/<str:name>/members/<str:member>/role", organizations.set_role, name="member_role"),
    path("organizations/<str:name>/members/<str:member>/remove", organizations.remove_member, name="member_remove"),
]
