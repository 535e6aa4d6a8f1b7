"""Sign-in of tools and applications: OAuth 2 and OpenID Connect. The pages of it are in `hub.web.pages.sign_in`."""
