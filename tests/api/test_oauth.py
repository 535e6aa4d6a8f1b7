"""The authorization server: tools that are let in by a code, and applications by a consent."""

import base64
import hashlib
import json
import re
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from authlib.oidc.core import CodeIDToken
from django.test import Client
from django.utils import timezone
from joserfc import jwt
from joserfc.jwk import KeySet

from hub.accounts import applications
from hub.accounts.models import AccessToken, Application, AuthorizationCode, DeviceRequest, SignIn, User
from tests.factories import make_organization, make_repo, make_user
from tests.web.conftest import browser_of

pytestmark = pytest.mark.django_db

TOOL = "26be6b09-91c5-47da-9861-d2d2bb7a7e36"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
URI = "https://space.example.org/callback?a=1"
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


def post(path: str, auth: tuple[str, str] | None = None, **form: str) -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": "Basic " + base64.b64encode(":".join(auth).encode()).decode()} if auth else {}
    response = Client().post(path, form, headers=headers)
    assert response.headers["Content-Type"].startswith("application/json"), response.content
    return response.status_code, response.json() if response.content else {}


def poll(device_code: str, client_id: str = TOOL) -> tuple[int, dict[str, Any]]:
    DeviceRequest.objects.update(asked_at=None)
    return post("/oauth/token", grant_type=DEVICE_GRANT, device_code=device_code, client_id=client_id)


@pytest.mark.parametrize("path", ["/oauth/device", "/oauth/token", "/oauth/revoke"])
def test_a_form_that_cannot_be_read_is_the_callers_fault(path: str) -> None:
    answer = Client().generic("POST", path, b"x", content_type="multipart/form-data")
    assert (answer.status_code, "error" in answer.json()) == (400, True)


def whoami(token: str) -> Any:
    return Client().get("/api/whoami-v2", headers={"Authorization": f"Bearer {token}"})


def registered(confidential: bool = True, **changes: Any) -> tuple[Application, str]:
    wanted = {
        "name": "Space",
        "homepage": "",
        "redirect_uris": [URI],
        "rights": ["profile", "email", "read-repos", "offline_access"],
    }
    return applications.register_application(owner=make_user(), confidential=confidential, **(wanted | changes))


# --- by a code ----------------------------------------------------------------------------------------------------------


def test_a_tool_is_let_in_by_its_code() -> None:
    status, asked = post("/oauth/device", client_id=TOOL)
    assert status == 200 and asked["interval"] == 5 and asked["expires_in"] == 900
    assert asked["verification_uri"] == "http://testserver/device"
    assert asked["verification_uri_complete"] == f"http://testserver/device?code={asked['user_code']}"
    assert poll(asked["device_code"]) == (400, {"error": "authorization_pending"})
    again = post("/oauth/token", grant_type=DEVICE_GRANT, device_code=asked["device_code"], client_id=TOOL)
    assert again == (400, {"error": "slow_down"})

    ada = make_user()
    browser = browser_of(ada)
    page = browser.get(asked["verification_uri_complete"])
    assert asked["user_code"] in page.content.decode() and "127.0.0.1" in page.content.decode()
    assert page.headers["X-Frame-Options"] == "DENY" and "no-store" in page.headers["Cache-Control"]
    decision = {"code": asked["user_code"], "decision": "approve", "scope": "write-repos"}
    assert browser.post("/device", decision).status_code == 200

    status, tokens = poll(asked["device_code"])
    assert status == 200 and tokens["token_type"] == "Bearer"
    # The client renews a token that has less than a day to live, at every call if it never has more.
    assert tokens["expires_in"] > 2 * 86400 and tokens["refresh_token"]
    said = whoami(tokens["access_token"]).json()
    assert said["name"] == ada.username and said["fullname"] and said["avatarUrl"].endswith(f"/{ada.username}.svg")
    assert said["auth"]["accessToken"]["displayName"] == "hf (command line)"
    assert said["auth"]["accessToken"]["role"] == "write"
    # Once is all that a code is good for.
    assert poll(asked["device_code"]) == (400, {"error": "expired_token"})
    assert SignIn.objects.get().address == "127.0.0.1"


def test_read_is_enough_and_no_is_no() -> None:
    ada = make_user()
    _status, asked = post("/oauth/device", client_id=TOOL)
    browser_of(ada).post("/device", {"code": asked["user_code"], "decision": "approve", "scope": "read-repos"})
    token = poll(asked["device_code"])[1]["access_token"]
    repo = make_repo(ada, visibility="private")
    headers = {"Authorization": f"Bearer {token}"}
    assert Client().get(f"/api/models/{repo.full_name}", headers=headers).status_code == 200
    data = {"type": "model", "name": "new"}
    refused = Client().post("/api/repos/create", data, content_type="application/json", headers=headers)
    assert refused.status_code == 403

    _status, asked = post("/oauth/device", client_id=TOOL)
    browser_of(ada).post("/device", {"code": asked["user_code"], "decision": "deny"})
    assert poll(asked["device_code"])[1]["error"] == "access_denied"


def test_a_code_ends_after_a_while_and_with_the_account() -> None:
    _status, asked = post("/oauth/device", client_id=TOOL)
    DeviceRequest.objects.update(expires_at=timezone.now())
    assert poll(asked["device_code"]) == (400, {"error": "expired_token"})
    ada = make_user()
    _status, asked = post("/oauth/device", client_id=TOOL)
    browser_of(ada).post("/device", {"code": asked["user_code"], "decision": "approve", "scope": "read-repos"})
    User.objects.filter(pk=ada.pk).update(is_active=False)
    assert poll(asked["device_code"])[1]["error"] == "access_denied"


@pytest.mark.parametrize(
    ("path", "form", "error"),
    [
        ("/oauth/device", {}, "invalid_client"),
        ("/oauth/device", {"client_id": "another"}, "invalid_client"),
        ("/oauth/device", {"client_id": "\0"}, "invalid_request"),
        ("/oauth/device", {"client_id": "林"}, "invalid_request"),
        ("/oauth/device", {"client_id": TOOL, "scope": "root"}, "invalid_scope"),
        ("/oauth/token", {}, "unsupported_grant_type"),
        ("/oauth/token", {"grant_type": 'a"b'}, "invalid_request"),
        ("/oauth/token", {"grant_type": "x" * 3000}, "invalid_request"),
        ("/oauth/token", {"grant_type": "password", "client_id": TOOL}, "unsupported_grant_type"),
        ("/oauth/token", {"grant_type": DEVICE_GRANT, "client_id": TOOL}, "invalid_request"),
        ("/oauth/token", {"grant_type": DEVICE_GRANT, "client_id": TOOL, "device_code": "x"}, "invalid_request"),
        ("/oauth/token", {"grant_type": "refresh_token", "client_id": TOOL, "refresh_token": "x"}, "invalid_grant"),
        ("/oauth/token", {"grant_type": "authorization_code", "client_id": TOOL, "code": "x"}, "unauthorized_client"),
        ("/oauth/revoke", {"token": "x"}, "invalid_client"),
    ],
)
def test_what_the_server_does_not_take(path: str, form: dict[str, str], error: str) -> None:
    status, answer = post(path, **form)
    assert (status // 100, answer["error"]) == (4, error)


def test_a_ci_system_is_told_what_to_do_instead() -> None:
    grant = "urn:ietf:params:oauth:grant-type:token-exchange"
    response = Client().post("/oauth/token", {"grant_type": grant}, content_type="application/json")
    assert response.status_code == 400 and "HF_TOKEN" in response.json()["error_description"]
    assert post("/oauth/token", grant_type=grant)[1]["error"] == "unsupported_grant_type"
    assert Client().post("/oauth/token", {}, content_type="application/json").json()["error"] == "invalid_request"


def test_a_tool_renews_its_tokens() -> None:
    ada = make_user()
    _status, asked = post("/oauth/device", client_id=TOOL)
    browser_of(ada).post("/device", {"code": asked["user_code"], "decision": "approve", "scope": "write-repos"})
    first = poll(asked["device_code"])[1]
    form = {"grant_type": "refresh_token", "client_id": TOOL}
    second = post("/oauth/token", refresh_token=first["refresh_token"], **form)[1]
    third = post("/oauth/token", refresh_token=second["refresh_token"], **form)[1]
    assert whoami(first["access_token"]).status_code == whoami(third["access_token"]).status_code == 200
    # The first one again: somebody else has it.
    assert post("/oauth/token", refresh_token=first["refresh_token"], **form)[1]["error"] == "invalid_grant"
    for tokens in (first, second, third):
        assert whoami(tokens["access_token"]).status_code == 401
    assert post("/oauth/token", refresh_token=third["refresh_token"], **form)[1]["error"] == "invalid_grant"


# --- by a consent -------------------------------------------------------------------------------------------------------


def address(application: Application, **changes: str | None) -> str:
    given = {
        "response_type": "code",
        "client_id": application.client_id,
        "redirect_uri": URI,
        "scope": "openid profile",
        "state": "s t/a+te",
        "nonce": "n",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    return "/oauth/authorize?" + urlencode({k: v for k, v in (given | changes).items() if v is not None})


def told(response: Any) -> dict[str, str]:
    """What the browser is sent back to the application with."""
    assert response.status_code == 302, response.content
    target = urlsplit(response.headers["Location"])
    assert f"{target.scheme}://{target.netloc}{target.path}" == URI.partition("?")[0]
    told = {name: values[0] for name, values in parse_qs(target.query).items()}
    assert told.pop("a") == "1" and told.pop("state", "s t/a+te") == "s t/a+te"
    return told


def code_for(user: User, application: Application, **changes: str | None) -> str:
    response = browser_of(user).post(address(application, **changes), {"decision": "approve"})
    return told(response)["code"]


def trade(application: Application, secret: str, code: str, **changes: str) -> tuple[int, dict[str, Any]]:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": URI, "code_verifier": VERIFIER} | changes
    return post("/oauth/token", auth=(application.client_id, secret), **form)


def test_a_person_signs_in_to_an_application() -> None:
    ada = make_user("ada")
    make_organization(ada, "lab")
    application, secret = registered()
    browser = browser_of(ada)
    response = browser.get(address(application))
    page = response.content.decode()
    assert "Space" in page and "space.example.org" in page and "see your profile" in page
    # The redirect that follows the form is held to this by browsers.
    assert "form-action 'self' https://space.example.org;" in response.headers["Content-Security-Policy"]
    assert response.headers["X-Frame-Options"] == "DENY"
    assert told(browser.post(address(application), {"decision": "deny"}))["error"] == "access_denied"
    status, tokens = trade(application, secret, code_for(ada, application))
    assert status == 200 and tokens["scope"] == "openid profile" and "refresh_token" not in tokens

    keys = KeySet.import_key_set(Client().get("/.well-known/jwks.json").json())
    decoded = jwt.decode(tokens["id_token"], keys, algorithms=["RS256"])
    found = Client().get("/.well-known/openid-configuration").json()
    claims = CodeIDToken(decoded.claims, decoded.header, params={"nonce": "n", "client_id": application.client_id})
    claims.options = {"iss": {"value": found["issuer"]}, "aud": {"value": application.client_id}}
    claims.validate()
    userinfo = Client().get("/oauth/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"}).json()
    assert userinfo["sub"] == claims["sub"] == str(ada.pk)
    assert userinfo["preferred_username"] == "ada" and userinfo["profile"] == "http://testserver/ada"
    assert userinfo["orgs"][0]["preferred_username"] == "lab" and userinfo["orgs"][0]["roleInOrg"] == "admin"
    assert (userinfo["isPro"], userinfo["canPay"]) == (False, False) and "email" not in userinfo
    # It knows who she is, and that is all.
    refused = whoami(tokens["access_token"])
    assert refused.status_code == 403 and "read-repos" in refused.json()["error"]
    # The next time she is not asked.
    assert "code" in told(browser.get(address(application)))
    assert b"Sign in to Space?" in browser.get(address(application, prompt="consent")).content
    assert b"Sign in to Space?" in browser.get(address(application, scope="openid email")).content


def test_more_rights_and_a_longer_stay() -> None:
    ada = make_user()
    application, secret = registered()
    scope = "openid email read-repos offline_access write-repos inference-api"
    tokens = trade(application, secret, code_for(ada, application, scope=scope))[1]
    assert tokens["scope"] == "openid email read-repos offline_access"
    said = whoami(tokens["access_token"]).json()
    assert (said["auth"]["accessToken"]["role"], said["email"]) == ("read", ada.email)
    curious = trade(application, secret, code_for(ada, application, scope="read-repos"))[1]
    assert "email" not in whoami(curious["access_token"]).json()
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    userinfo = Client().post("/oauth/userinfo", headers=headers).json()
    assert (userinfo["email"], userinfo["email_verified"]) == (ada.email, True)
    auth = (application.client_id, secret)
    renewed = post("/oauth/token", auth, grant_type="refresh_token", refresh_token=tokens["refresh_token"])[1]
    assert whoami(renewed["access_token"]).status_code == 200
    other, other_secret = registered()
    assert post("/oauth/revoke", (other.client_id, other_secret), token=renewed["access_token"])[0] == 400
    assert whoami(renewed["access_token"]).status_code == 200
    assert post("/oauth/revoke", auth, token=renewed["access_token"])[0] == 200
    assert whoami(renewed["access_token"]).status_code == 401


def test_a_code_is_traded_once_by_whom_it_was_made_for() -> None:
    ada = make_user()
    application, secret = registered()
    other, other_secret = registered()
    code = code_for(ada, application)
    assert trade(other, other_secret, code)[1]["error"] == "invalid_grant"
    assert trade(application, "wrong", code)[0] in (400, 401)
    assert trade(application, secret, code, redirect_uri=URI + "2")[1]["error"] == "invalid_grant"
    assert trade(application, secret, code, code_verifier="w" * 64)[1]["error"] == "invalid_grant"
    assert trade(application, secret, code, code_verifier="")[1]["error"] == "invalid_request"
    tokens = trade(application, secret, code)[1]
    assert trade(application, secret, code)[1]["error"] == "invalid_grant"
    # Used twice: what the first use brought is closed.
    assert AccessToken.objects.get().revoked_at is not None and "access_token" in tokens
    late = code_for(ada, application)
    AuthorizationCode.objects.update(expires_at=timezone.now())
    assert trade(application, secret, late)[1]["error"] == "invalid_grant"


def test_an_application_without_a_secret_proves_itself_by_pkce() -> None:
    ada = make_user()
    application, _none = registered(confidential=False)
    browser = browser_of(ada)
    refused = told(browser.get(address(application, code_challenge=None, code_challenge_method=None)))
    assert refused["error"] == "invalid_request"
    assert told(browser.get(address(application, code_challenge_method="plain")))["error"] == "invalid_request"
    form = {"grant_type": "authorization_code", "redirect_uri": URI, "client_id": application.client_id}
    code = code_for(ada, application)
    assert post("/oauth/token", code=code, **form)[1]["error"] == "invalid_request"
    assert "id_token" in post("/oauth/token", code=code, code_verifier=VERIFIER, **form)[1]
    # One with a secret does not get by without it.
    application, _secret = registered()
    form["client_id"] = application.client_id
    code = code_for(ada, application)
    assert post("/oauth/token", code=code, code_verifier=VERIFIER, **form)[1]["error"] == "invalid_client"


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": URI + "&b=2"},
        {"redirect_uri": "https://space.example.org:444/callback?a=1"},
        {"redirect_uri": "https://space.example.org/callback"},
        {"redirect_uri": "https://evil.example.org/"},
        {"redirect_uri": 'https://space.example.org/"'},
        {"redirect_uri": "https://space.example.org/林"},
        {"redirect_uri": None},
        {"client_id": "nobody"},
        {"client_id": TOOL},
        {"client_id": None},
    ],
)
def test_no_browser_is_sent_where_nobody_registered(changes: dict[str, str | None]) -> None:
    application, _secret = registered()
    response = browser_of(make_user()).get(address(application, **changes))
    assert response.status_code == 400 and "Location" not in response.headers
    assert Client().get(address(application, **changes)).status_code == 400


def test_errors_that_the_application_is_told() -> None:
    application, _secret = registered()
    browser = browser_of(make_user())
    assert told(browser.get(address(application, response_type="token")))["error"] == "unsupported_response_type"
    assert told(browser.get(address(application, scope="root")))["error"] == "invalid_scope"
    assert told(browser.get(address(application, prompt="none")))["error"] == "consent_required"
    assert told(Client().get(address(application, prompt="none")))["error"] == "login_required"
    response = Client().get(address(application))
    assert response.status_code == 302 and response.headers["Location"].startswith("/login?next=/oauth/authorize%3F")
    again = browser.get(address(application, prompt="login"))
    assert again.status_code in (200, 302)


def test_no_other_page_can_decide_for_a_visitor() -> None:
    ada = make_user()
    application, _secret = registered()
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(ada)
    assert browser.post(address(application), {"decision": "approve"}).status_code == 403
    _status, asked = post("/oauth/device", client_id=TOOL)
    decision = {"code": asked["user_code"], "decision": "approve", "scope": "write-repos"}
    assert browser.post("/device", decision).status_code == 403
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', browser.get("/device").content.decode())[1]
    assert browser.post("/device", decision | {"csrfmiddlewaretoken": token}).status_code == 200


def test_what_is_published() -> None:
    found = Client().get("/.well-known/openid-configuration")
    assert found.headers["Access-Control-Allow-Origin"] == "*"
    listed = json.loads(found.content)
    assert listed["response_types_supported"] == ["code"] and listed["issuer"] == "http://testserver"
    (key,) = Client().get("/.well-known/jwks.json").json()["keys"]
    assert key["kty"] == "RSA" and not {"d", "p", "q"} & key.keys()
    assert Client().get("/oauth/device").status_code == 405
    assert Client().get("/oauth/nothing").status_code == 404


@pytest.mark.parametrize("header", ["Basic", "Basic %%%", "Basic " + "A" * 9000, "Bearer x", "Basic 5p6X", "x"])
def test_headers_that_nobody_means(header: str) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": "x"}
    for path in ("/oauth/token", "/oauth/revoke", "/oauth/device"):
        assert Client().post(path, form, headers={"Authorization": header}).status_code in (400, 401)
    assert Client().get("/oauth/userinfo", headers={"Authorization": header}).status_code == 401


@pytest.mark.parametrize(
    "query",
    [
        "client_id=a&client_id=b",
        "response_type=%22%5C%E6%9E%97",
        "state=%00",
        "prompt=none+login",
        "code_challenge=x&code_challenge_method=S256",
        "code_challenge_method=S256",
        "scope=%20",
        "nonce=%00",
        "redirect_uri=https%3A%2F%2F%5B",
        "state=" + "x" * 3000,
    ],
)
def test_addresses_that_nobody_means(query: str) -> None:
    application, _secret = registered(confidential=False)
    path = address(application)
    for browser in (Client(), browser_of(make_user())):
        for one in (f"{path}&{query}", f"/oauth/authorize?{query}"):
            assert browser.get(one).status_code < 500
            assert browser.post(one, {"decision": "approve"}).status_code < 500
