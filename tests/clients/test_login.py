"""Signing in with the tools themselves: the command line by a code, git by its credential helpers, a site by OpenID Connect."""

import configparser
import os
import pty
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2 as httpx
import pytest
from authlib.integrations.httpx_client import OAuth2Client
from joserfc import jwt
from joserfc.jwk import KeySet

from tests import live
from tests.clients.conftest import Client, make_client
from tests.waiting import wait_until

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def browser(ada: Client) -> Iterator[httpx.Client]:
    """A browser in which Ada is logged in."""
    with httpx.Client(base_url=ada.hub.url, follow_redirects=True, timeout=30, trust_env=False) as client:
        send_form(client, "/login", login=ada.name, password=PASSWORD)
        assert "sessionid" in client.cookies
        yield client


def send_form(browser: httpx.Client, path: str, **fields: str) -> httpx.Response:
    """Open a page and send the form on it, as a person would."""
    page = browser.get(path)
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
    assert token, page.text
    return browser.post(path, data={"csrfmiddlewaretoken": token[1], **fields}, headers={"Referer": str(page.url)})


class Terminal:
    """A tool in a terminal of its own."""

    def __init__(self, client: Client, *args: str) -> None:
        mine, theirs = pty.openpty()
        env = client.env(HF_TOKEN="", TERM="xterm", COLUMNS="200")
        self.process = subprocess.Popen(
            args, env=env, cwd=client.home, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        )
        os.close(theirs)
        os.set_blocking(mine, False)
        self._terminal = mine
        self._said = b""

    def said(self) -> str:
        try:
            while piece := os.read(self._terminal, 65536):
                self._said += piece
        except OSError:  # nothing more for now, or for good
            pass
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self._said.decode(errors="replace"))

    def press(self, keys: str) -> None:
        os.write(self._terminal, keys.encode())

    def end(self) -> str:
        wait_until(lambda: self.said() is not None and self.process.poll() is not None)
        said = self.said()
        os.close(self._terminal)
        assert self.process.returncode == 0, said
        return said


def stored(client: Client) -> Any:
    """What the tool keeps of its one token."""
    parser = configparser.RawConfigParser()
    parser.read(client.home / "hf" / "stored_tokens")
    (name,) = parser.sections()
    return parser, name


def test_the_command_line_logs_in_by_a_code(ada: Client, browser: httpx.Client) -> None:
    terminal = Terminal(ada, "hf", "auth", "login", "--force")
    wait_until(lambda: "How would you like to log in?" in terminal.said())
    terminal.press("\r")
    wait_until(lambda: re.search(r"enter the code: (\S+)", terminal.said()) is not None)
    said = terminal.said()
    url = re.search(rf"({re.escape(ada.hub.url)}/device\?code=\S+)", said)
    code = re.search(r"enter the code: (\w{4}-\w{4})", said)
    assert url and code
    page = browser.get(url[1])
    assert code[1] in page.text and "hf (command line)" in page.text
    done = send_form(browser, url[1], code=code[1], decision="approve", scope="write-repos")
    assert done.status_code == 200 and "It is in" in done.text
    said = terminal.end()
    assert "Login successful" in said and "permission: write" in said and "refreshed automatically" in said
    assert ada.name in ada.run("hf", "auth", "whoami", HF_TOKEN="")
    ada.run("hf", "repos", "create", "by-code", HF_TOKEN="")
    assert "hf (command line)" in browser.get("/settings/tokens").text


def test_its_token_is_renewed_by_itself_and_ends_with_the_sign_in(ada: Client, browser: httpx.Client) -> None:
    parser, name = stored(ada)
    before = parser[name]["hf_token"]
    assert int(parser[name]["expires_at"]) > time.time() + 2 * 86400
    parser[name]["expires_at"] = str(int(time.time()) + 3600)
    with (ada.home / "hf" / "stored_tokens").open("w") as file:
        parser.write(file)
    assert ada.name in ada.run("hf", "auth", "whoami", HF_TOKEN="")
    parser, name = stored(ada)
    assert parser[name]["hf_token"] != before
    assert (ada.home / "hf" / "token").read_text() == parser[name]["hf_token"]
    assert int(parser[name]["expires_at"]) > time.time() + 2 * 86400
    number = re.search(r"/settings/sign-ins/(\d+)/end", browser.get("/settings/tokens").text)
    assert number
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', browser.get("/settings/tokens").text)
    assert token
    browser.post(number[0], data={"csrfmiddlewaretoken": token[1]}, headers={"Referer": ada.hub.url})
    assert "Invalid" in ada.fails("hf", "auth", "whoami", HF_TOKEN="")


def test_git_asks_its_helper_and_the_helper_knows(ada: Client) -> None:
    """`hf` hands its token to git's credential helper; git asks it once the hub answers 401 with Basic."""
    ada.run("git", "config", "--global", "credential.helper", "store")
    ada.run("hf", "auth", "login", "--token", ada.token, "--add-to-git-credential", HF_TOKEN="")
    address = urlsplit(ada.hub.url)
    asked = f"protocol={address.scheme}\nhost={address.netloc}\n\n"
    env = ada.env(HF_TOKEN="", GIT_TERMINAL_PROMPT="0")
    told = subprocess.run(["git", "credential", "fill"], input=asked, env=env, capture_output=True, text=True)
    assert "username=hf_user\n" in told.stdout and f"password={ada.token}\n" in told.stdout
    ada.run("hf", "repos", "create", "hidden", "--private")
    remote = f"{ada.hub.url}/{ada.name}/hidden"
    assert "refs/heads/main" in ada.run("git", "ls-remote", remote, HF_TOKEN="", GIT_TERMINAL_PROMPT="0")
    refused = httpx.get(f"{remote}/info/refs?service=git-upload-pack", trust_env=False)
    assert refused.status_code == 401 and refused.headers["WWW-Authenticate"].startswith("Basic")
    # Without the helper git cannot get in, and a token that is no good any more is forgotten by it.
    ada.fails("git", "-c", "credential.helper=", "ls-remote", remote, HF_TOKEN="", GIT_TERMINAL_PROMPT="0")
    credentials = ada.home / ".git-credentials"
    credentials.write_text(credentials.read_text().replace(ada.token, "grove_gone"))
    ada.fails("git", "ls-remote", remote, HF_TOKEN="", GIT_TERMINAL_PROMPT="0")
    assert "grove_gone" not in credentials.read_text()


def test_a_site_signs_people_in(ada: Client, browser: httpx.Client) -> None:
    """Authlib, which Spaces sign people in with, all the way from the hub's own description to the claims."""
    uri = "http://127.0.0.1:9199/callback"
    page = send_form(
        browser, "/settings/applications", name="Site", redirect_uris=uri, rights="profile", confidential="yes"
    )
    client_id, secret = re.findall(r'code-1"><pre><code>([\w-]+)</code>', page.text)[:2]
    found = httpx.get(f"{ada.hub.url}/.well-known/openid-configuration", trust_env=False).json()
    site = OAuth2Client(
        client_id, secret, scope="openid profile", redirect_uri=uri, code_challenge_method="S256", trust_env=False
    )
    verifier = "v" * 50
    url, state = site.create_authorization_url(found["authorization_endpoint"], code_verifier=verifier, nonce="n")
    assert url.startswith(ada.hub.url)
    browser.follow_redirects = False
    answer = send_form(browser, url.removeprefix(ada.hub.url), decision="approve")
    browser.follow_redirects = True
    assert answer.status_code == 302, answer.text
    tokens = site.fetch_token(
        found["token_endpoint"], authorization_response=answer.headers["Location"], code_verifier=verifier, state=state
    )
    keys = KeySet.import_key_set(httpx.get(found["jwks_uri"], trust_env=False).json())
    claims = jwt.decode(tokens["id_token"], keys, algorithms=["RS256"]).claims
    assert (claims["iss"], claims["aud"], claims["nonce"]) == (found["issuer"], client_id, "n")
    told = site.get(found["userinfo_endpoint"]).json()
    site.close()
    assert told["sub"] == claims["sub"] and told["preferred_username"] == ada.name
    picture = httpx.get(told["picture"], trust_env=False)
    assert picture.status_code == 200 and picture.headers["Content-Type"].startswith("image/svg+xml")


def test_a_wrong_password_soon_has_to_wait(live_hub: live.Instance, tmp_path: Path) -> None:
    eve = make_client(live_hub, tmp_path)
    with httpx.Client(base_url=live_hub.url, follow_redirects=True, trust_env=False) as client:
        answers = [send_form(client, "/login", login=eve.name, password=f"wrong {turn}").text for turn in range(6)]
        assert "Too many tries" not in answers[0] and "Too many tries" in answers[-1]
        assert "Too many tries" in send_form(client, "/login", login=eve.name, password=PASSWORD).text
