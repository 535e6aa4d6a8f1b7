"""OAuth 2 and OpenID Connect, by Authlib: the grants, what an id token says, and the key that signs it.

allauth has a provider of its own (`allauth.idp.oidc`). It was not taken: it keeps waiting tools in the cache and changes them
there without a lock, so an answer to a tool that asks at the same moment can be lost, and an approval bought twice; its page
of approval is exempt from CSRF; a refresh token that is used twice goes unnoticed; it takes redirect addresses with another
port or more parameters than were registered; and its tokens are rows of its own, which no other door of the hub knows.
"""
