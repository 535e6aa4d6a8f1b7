"""Signing in by another provider of OpenID Connect: a second Grove, which is asked over the network."""

import re
from collections.abc import Iterator
from itertools import count
from urllib.parse import parse_qs, urlsplit

import httpx2 as httpx
import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.conf import settings as django_settings
from django.http import HttpResponse
from django.test import Client

from hub.accounts.models import User
from tests import live
from tests.clients.test_login import send_form
from tests.factories import PASSWORD, make_user
from tests.web.conftest import browser_of

pytestmark = pytest.mark.django_db
HERE = "http://localhost"
_numbers = count(1)


class There:
    """Somebody with an account of the provider, in a browser that is logged in there."""

    def __init__(self, hub: live.Instance, name: str, email: str) -> None:
        hub.manage("create_user", name, "--email", email, "--password", PASSWORD)
        self.name, self.email = name, email
        self.browser = httpx.Client(base_url=hub.url, timeout=30, trust_env=False)
        send_form(self.browser, "/login", login=name, password=PASSWORD)

    def consent(self, address: str) -> str:
        """Go where this hub sends the browser, agree, and return where the provider sends it back to."""
        page = self.browser.get(address)
        if page.status_code == 200:
            token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
            assert token, page.text
            sent = {"csrfmiddlewaretoken": token[1], "decision": "approve"}
            page = self.browser.post(address, data=sent, headers={"Referer": address})
        return page.headers["Location"]


@pytest.fixture(scope="module")
def application(live_hub: live.Instance) -> tuple[str, str]:
    """Client id and secret of this hub at the provider."""
    owner = There(live_hub, f"operator{next(_numbers)}", "operator-of-sso@example.org")
    made = send_form(
        owner.browser,
        "/settings/applications",
        name="The other hub",
        redirect_uris=f"{HERE}/sso/callback",
        rights="profile email".split(),  # type: ignore[arg-type]
        confidential="yes",
    )
    owner.browser.close()
    return tuple(re.findall(r"<pre[^>]*>(?:<code>)?\s*(?:\$ )?([\w-]{30,50})", made.text)[:2])  # type: ignore[return-value]


@pytest.fixture(autouse=True)
def _configured(live_hub: live.Instance, application: tuple[str, str], settings: object) -> None:
    settings.OIDC_ISSUER, settings.OIDC_NAME = live_hub.url, "Mother"  # type: ignore[attr-defined]
    client_id, secret = application
    settings.SOCIALACCOUNT_PROVIDERS = {  # type: ignore[attr-defined]
        "sso": {
            "APPS": [
                {
                    "provider_id": live_hub.url,
                    "name": "Mother",
                    "client_id": client_id,
                    "secret": secret,
                    "settings": {"server_url": live_hub.url, "oauth_pkce_enabled": True},
                }
            ]
        }
    }


@pytest.fixture
def there(live_hub: live.Instance) -> Iterator[There]:
    name = f"guest{next(_numbers)}"
    somebody = There(live_hub, name, f"{name}@example.org")
    yield somebody
    somebody.browser.close()


def here() -> Client:
    return Client(SERVER_NAME="localhost")


def leave(client: Client, **fields: str) -> str:
    """Press the button; returns the address of the provider that the browser goes on to."""
    page = client.post("/sso/login", fields)
    assert page.status_code == 200, page
    target = re.search(r'url=([^"]+)"', page.content.decode())
    assert target
    return target[1].replace("&amp;", "&")


def back(client: Client, address: str) -> HttpResponse:
    parts = urlsplit(address)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{HERE}/sso/callback"
    return client.get(f"{parts.path}?{parts.query}")  # type: ignore[return-value]


def sign_in(client: Client, there: There, **fields: str) -> HttpResponse:
    return back(client, there.consent(leave(client, **fields)))


def test_the_first_time_makes_an_account_and_the_next_finds_it(there: There) -> None:
    client = here()
    assert "Log in with Mother" in client.get("/login").content.decode()
    assert client.get("/sso/login").status_code == 405
    answer = sign_in(client, there, next="/settings/security")
    assert answer.headers["Location"] == "/settings/security"
    user = User.objects.get(username=there.name)
    assert (user.namespace.name, user.email, user.has_usable_password()) == (there.name, there.email, False)
    # The provider's word alone confirms no address.
    assert not EmailAddress.objects.get(user=user).verified
    assert "Connected" in client.get("/settings/security").content.decode()
    again = here()
    sign_in(again, there)
    assert again.session["_auth_user_id"] == str(user.pk)
    # It is the only way in, so it stays.
    account = SocialAccount.objects.get(user=user)
    again.post("/settings/security/disconnect", {"account": account.pk})
    assert SocialAccount.objects.filter(user=user).exists()


def test_what_is_asked_is_bound_to_this_browser(there: There) -> None:
    client = here()
    asked = parse_qs(urlsplit(leave(client, auth_params="prompt=none")).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert {"state", "nonce", "code_challenge"} < set(asked) and "prompt" not in asked
    answer = there.consent(leave(client))
    for other, address in (
        (here(), answer),  # another browser, as after a link that somebody sent
        (client, re.sub(r"state=[^&]+", "state=invented", answer)),
        (client, re.sub(r"code=[^&]+", "code=invented", answer)),
        (client, answer),  # the state was spent with the wrong code
    ):
        assert back(other, address).status_code == 401
        assert "_auth_user_id" not in other.session
    assert not User.objects.filter(username=there.name).exists()


@pytest.mark.parametrize("changed", ["nonce", "pkce_code_verifier"])
def test_a_code_of_another_exchange_is_refused(there: There, changed: str) -> None:
    client = here()
    answer = there.consent(leave(client))
    session = client.session
    (state,) = session["socialaccount_states"].values()
    state[0][changed] = "x" * 43
    session.save()
    assert back(client, answer).status_code == 401
    assert not User.objects.filter(username=there.name).exists()


def test_a_shared_address_opens_nothing(there: There, settings: object) -> None:
    known = make_user()
    User.objects.filter(pk=known.pk).update(email=there.email)
    EmailAddress.objects.filter(user=known).update(email=there.email, verified=True)
    client = here()
    answer = sign_in(client, there)
    assert answer.headers["Location"] == "/login"
    assert "connect it to Mother" in client.get("/login").content.decode()
    assert not SocialAccount.objects.exists()
    # Trusted, the provider's word counts where the address is known to be the owner's on this side, too.
    settings.OIDC_TRUST_EMAIL = True  # type: ignore[attr-defined]
    EmailAddress.objects.filter(user=known).update(verified=False)
    sign_in(client, there)
    assert "_auth_user_id" not in client.session
    EmailAddress.objects.filter(user=known).update(verified=True)
    sign_in(client, there)
    assert client.session["_auth_user_id"] == str(known.pk)
    known.refresh_from_db()
    assert known.check_password(PASSWORD)


def test_a_name_that_is_taken_is_asked_for(there: There) -> None:
    make_user(there.name.upper())
    User.objects.filter(username=there.name.upper()).update(email="elsewhere@example.org")
    EmailAddress.objects.filter(user__username=there.name.upper()).update(email="elsewhere@example.org")
    client = here()
    assert sign_in(client, there).headers["Location"] == "/sso/signup"
    page = client.get("/sso/signup").content.decode()
    assert there.email in page
    chosen = {"username": f"{there.name}-2", "email": there.email}
    assert "is taken" in client.post("/sso/signup", {**chosen, "username": there.name}).content.decode()
    assert client.post("/sso/signup", chosen).headers["Location"] == "/"
    assert SocialAccount.objects.get().user.namespace.name == f"{there.name}-2"


@pytest.mark.parametrize(
    ("signup", "sso", "made"),
    [("closed", "same", False), ("invite", "same", False), ("closed", "on", True), ("open", "off", False)],
)
def test_who_gets_an_account(there: There, settings: object, signup: str, sso: str, made: bool) -> None:
    settings.SIGNUP, settings.OIDC_SIGNUP = signup, sso  # type: ignore[attr-defined]
    sign_in(here(), there)
    assert User.objects.filter(username=there.name).exists() is made


def test_connecting_an_account_takes_its_password_and_another_provider_none(there: There, settings: object) -> None:
    member = make_user()
    client = browser_of(member)
    client.defaults["SERVER_NAME"] = "localhost"
    answer = sign_in(client, there, process="connect")
    assert answer.headers["Location"].startswith("/account/reauthenticate")
    client.post("/account/reauthenticate", {"password": PASSWORD})
    account = SocialAccount.objects.get()
    assert account.user == member
    other = browser_of(make_user())
    other.defaults["SERVER_NAME"] = "localhost"
    other.post("/account/reauthenticate", {"password": PASSWORD})
    sign_in(other, there, process="connect")
    assert SocialAccount.objects.get().user == member
    # The same number of another issuer is somebody else.
    SocialAccount.objects.update(provider="https://elsewhere.example")
    sign_in(here(), there)
    assert SocialAccount.objects.filter(uid=account.uid).count() == 2
    client.post("/settings/security/disconnect", {"account": account.pk})
    assert SocialAccount.objects.filter(user=member).exists()
    SocialAccount.objects.exclude(user=member).delete()
    SocialAccount.objects.update(provider=django_settings.OIDC_ISSUER)
    client.post("/settings/security/disconnect", {"account": account.pk})
    assert not SocialAccount.objects.filter(user=member).exists()


def test_where_it_is_the_only_way_in(there: There, settings: object) -> None:
    settings.OIDC_ONLY = True  # type: ignore[attr-defined]
    make_user("keeper", admin=True)
    member = make_user()
    assert 'name="password"' not in here().get("/login").content.decode()
    assert 'name="password"' in here().get("/login?password").content.decode()
    page = here().post("/login", {"login": member.username, "password": PASSWORD})
    assert "by Mother alone" in page.content.decode()
    assert here().post("/login", {"login": "keeper", "password": PASSWORD}).headers["Location"] == "/"
    assert here().get("/signup").status_code == 200 and b'name="password1"' not in here().get("/signup").content
    assert sign_in(here(), there).headers["Location"] == "/"


def test_a_provider_that_is_away_or_another_is_no_way_in(settings: object) -> None:
    app = settings.SOCIALACCOUNT_PROVIDERS["sso"]["APPS"][0]  # type: ignore[attr-defined]
    # The second calls itself by another name than the one that was configured.
    for address in ("http://127.0.0.1:9", django_settings.OIDC_ISSUER.replace("127.0.0.1", "localhost")):
        app["settings"]["server_url"] = address
        answer = here().post("/sso/login")
        assert answer.status_code == 401, answer.content
        assert "did not let you in" in answer.content.decode()
    settings.OIDC_ISSUER = ""  # type: ignore[attr-defined]
    assert here().post("/sso/login").status_code == 404
    assert here().get("/sso/callback?code=1&state=2").status_code == 404
