"""Addresses of the authorization server. The consent page, /oauth/authorize, is one of the site's."""

from django.urls import path

from hub.api.oauth import views

urlpatterns = [
    path("oauth/device", views.device),
    path("oauth/token", views.token),
    path("oauth/revoke", views.revoke),
    path("oauth/userinfo", views.user_info),
    path(".well-known/openid-configuration", views.configuration),
    path(".well-known/oauth-authorization-server", views.configuration),
    path(".well-known/jwks.json", views.key_set),
]
