"""The pages of gated repositories: what those outside see, asking, deciding, and one's own requests."""

import csv
import io
import re
from typing import Any

import pytest
from django.test import Client

from hub.accounts.models import User
from hub.repos import gates
from hub.repos.models import AccessRequest, GitRef, Repository
from tests.factories import make_organization, make_repo, make_user
from tests.web.conftest import browser_of
from tests.web.repos import commit_files, get, text_of

pytestmark = pytest.mark.django_db

Status = AccessRequest.Status

CARD = """---
license: mit
extra_gated_heading: "<b>Tell</b> us who you are"
extra_gated_prompt: "Do *no* harm. <script>alert(1)</script> [More](TERMS.md)"
extra_gated_button_content: I agree
extra_gated_fields:
  Company: text
  Country: country
  Born on: date_picker
  Purpose: {type: select, options: [Research, {label: Something else, value: other}]}
  "I agree to <i>this</i>": checkbox
---
# A tiny model

![a picture](picture.png) It says much.
"""
SECRET = "what-nobody-outside-may-read"


@pytest.fixture
def owner() -> User:
    return make_user()


@pytest.fixture
def repo(owner: User) -> Repository:
    made = make_repo(owner)
    commit_files(made, {"README.md": CARD, "secret.txt": SECRET, "picture.png": b"\x89PNG" + SECRET.encode()})
    gates.set_gate(repo=made, actor=owner, gate="manual")
    return made


def answers(page: str, **given: str) -> dict[str, str]:
    """Return the form's data: the name of each field is read from the page, by its label."""
    data = {}
    for label, value in given.items():
        found = re.search(rf'<label[^>]*for="id_([\w-]+)"[^>]*>(?:(?!</label>).)*{label}', page, re.DOTALL)
        assert found, label
        data[found[1]] = value
    return data


def filled_in(page: str) -> dict[str, str]:
    given = {"Company": "Ada & Co", "Country": "CN", "Born on": "1990-02-28", "Purpose": "other", "I agree to": "on"}
    return answers(page, **given)


def contents(repo: Repository) -> list[str]:
    """Every page that shows or sends what is in a file."""
    sha = GitRef.objects.get(repository=repo, name="refs/heads/main").oid
    at = repo.get_absolute_url()
    return [
        f"{at}/{page}"
        for page in (f"commit/{sha}", "blob/main/secret.txt", "raw/main/secret.txt", "raw/main/picture.png")
    ]


@pytest.mark.parametrize("who", ["visitor", "stranger", "waiting", "rejected"])
def test_those_outside_see_names_and_no_contents(repo: Repository, owner: User, who: str) -> None:
    user = make_user()
    browser = Client() if who == "visitor" else browser_of(user)
    if who in ("waiting", "rejected"):
        asked = AccessRequest.objects.create(repository=repo, user=user)
        if who == "rejected":
            gates.reject_request(request=asked, actor=owner, reason="Not <now>")
    for address in contents(repo):
        answer = get(browser, address)
        assert answer.status_code in ((200,) if "/raw/" not in address else (302, 403)), address
        assert SECRET not in answer.content.decode(errors="replace"), address
    card = text_of(browser, repo.get_absolute_url())
    assert "It says much." in card
    assert "&lt;b&gt;Tell&lt;/b&gt; us who you are" in card
    assert "<em>no</em>" in card
    assert "<script>alert" not in card
    assert "picture.png" not in card
    assert "Gated" in card
    assert ("Not &lt;now&gt;" in card) == (who == "rejected")
    assert ("Take the request back" in card) == (who == "waiting")
    assert ('name="answer-' in card) == (who == "stranger")
    assert ("Log in to ask for access" in card) == (who == "visitor")
    files = text_of(browser, f"{repo.get_absolute_url()}/tree/main")
    assert "secret.txt" in files
    assert "/resolve/" not in files
    assert "secret.txt" in text_of(browser, contents(repo)[0])


def test_those_inside_see_what_they_saw(repo: Repository, owner: User) -> None:
    user = make_user()
    gates.grant_access(repo=repo, user=user, actor=owner)
    for browser in (browser_of(owner), browser_of(user)):
        for address in contents(repo)[:3]:
            answer = get(browser, address)
            assert answer.status_code == 200, address
            assert SECRET in answer.content.decode(), address
        card = text_of(browser, repo.get_absolute_url())
        assert "raw/main/picture.png" in card
        assert 'name="answer-' not in card
        assert "/resolve/" in text_of(browser, f"{repo.get_absolute_url()}/tree/main")
    # Access that is taken away is gone at the next click.
    gates.reopen_request(request=gates.get_request(repo, user=user.username), actor=owner)
    assert get(browser_of(user), contents(repo)[2]).status_code == 403


def test_asking(repo: Repository, owner: User, member: User, browser: Client) -> None:
    address = f"{repo.get_absolute_url()}/access"
    page = text_of(browser, address)
    wrong = browser.post(address, {**filled_in(page), **answers(page, Country="Atlantis", Company="")})
    assert wrong.status_code == 400
    assert wrong.content.decode().count('class="err"') == 2
    assert "Ada" not in wrong.content.decode()
    assert browser.post(address, filled_in(page) | answers(page, **{"Born on": "soon"})).status_code == 400
    assert not AccessRequest.objects.exists()
    done = browser.post(address, filled_in(page))
    assert done.headers["Location"] == repo.get_absolute_url()
    asked = AccessRequest.objects.get()
    assert asked.fields == {
        "Company": "Ada & Co",
        "Country": "CN",
        "Born on": "1990-02-28",
        "Purpose": "other",
        "I agree to <i>this</i>": True,
    }
    assert browser.post(address, filled_in(page)).status_code == 409
    assert browser.post(f"{address}/withdraw").status_code == 302
    assert not AccessRequest.objects.exists()
    gates.set_gate(repo=repo, actor=owner, gate="auto")
    browser.post(address, filled_in(page))
    assert "You have access now." in text_of(browser, repo.get_absolute_url())
    assert SECRET in text_of(browser, contents(repo)[1])


def test_visitors_log_in_first(repo: Repository) -> None:
    for address in (f"{repo.get_absolute_url()}/access", f"{repo.get_absolute_url()}/access/withdraw"):
        answer = Client().post(address)
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith("/login?next=")


def test_an_open_repository_has_no_gate(browser: Client) -> None:
    repo = make_repo()
    address = f"{repo.get_absolute_url()}/access"
    assert get(browser, address).headers["Location"] == repo.get_absolute_url()
    assert browser.post(address).status_code == 400
    assert "access-title" not in text_of(browser, repo.get_absolute_url())


def test_only_those_who_administer_decide(repo: Repository, owner: User, browser: Client) -> None:
    olga, walter = make_user(), make_user()
    organization = make_organization(olga, write=walter)
    shared = make_repo(olga, organization=organization)
    gates.set_gate(repo=shared, actor=olga, gate="manual")
    asked = AccessRequest.objects.create(repository=shared, user=make_user())
    at = f"{shared.get_absolute_url()}/settings"
    for outsider, status in ((browser, 403), (browser_of(walter), 403), (Client(), 302)):
        for page in ("access", "access.csv"):
            assert get(outsider, f"{at}/{page}").status_code == status
        for sent, data in (
            ("gate", {"gate": ""}),
            (f"access/{asked.pk}", {"decision": "accept"}),
            ("access/grant", {"user": "x"}),
        ):
            assert outsider.post(f"{at}/{sent}", data).status_code == status, sent
    asked.refresh_from_db()
    shared.refresh_from_db()
    assert (asked.status, shared.gate) == (Status.PENDING, "manual")
    # Nor by the address of a repository of one's own.
    own = f"{repo.get_absolute_url()}/settings/access/{asked.pk}"
    assert browser_of(owner).post(own, {"decision": "accept"}).status_code == 404


def test_deciding(repo: Repository, owner: User) -> None:
    desk, at = browser_of(owner), f"{repo.get_absolute_url()}/settings"
    people = [make_user(f"person-{n}") for n in range(3)]
    for person in people:
        AccessRequest.objects.create(repository=repo, user=person, fields={"Why": f"=1+{person.username}"})
    page = text_of(desk, f"{at}/access")
    assert all(person.username in page for person in people)
    assert "=1+person-1" in page
    # Enter behind a reason presses the first button of its form.
    forms = [form for form in re.findall(r"<form.*?</form>", page, re.DOTALL) if 'name="reason"' in form]
    assert len(forms) == 3
    assert not any('value="accept"' in form for form in forms)
    assert people[1].username in text_of(desk, f"{at}/access?search=SON-1")
    assert people[0].username not in text_of(desk, f"{at}/access?search=SON-1")

    def decide(person: User, decision: str, **more: str) -> Any:
        number = AccessRequest.objects.get(user=person).pk
        return desk.post(f"{at}/access/{number}", {"decision": decision, **more})

    assert decide(people[0], "accept").headers["Location"].endswith("/settings/access?status=pending")
    assert decide(people[1], "reject", reason="No <b>room</b>").status_code == 302
    assert "No &lt;b&gt;room&lt;/b&gt;" in text_of(desk, f"{at}/access?status=rejected")
    assert get(browser_of(people[0]), contents(repo)[2]).status_code == 200
    assert decide(people[0], "reopen").status_code == 302
    assert get(browser_of(people[0]), contents(repo)[2]).status_code == 403
    assert decide(people[0], "nonsense").status_code == 302
    assert decide(people[0], "reopen").status_code == 404
    states = dict(AccessRequest.objects.values_list("user__username", "status"))
    assert states == {"person-0": Status.PENDING, "person-1": Status.REJECTED, "person-2": Status.PENDING}
    known = desk.post(f"{at}/access/grant", {"user": "PERSON-2"})
    assert known.headers["Location"].endswith("?status=accepted")
    assert "There is no user" in desk.post(f"{at}/access/grant", {"user": "nobody-here"}).content.decode()
    assert "already" in desk.post(f"{at}/access/grant", {"user": "person-2"}).content.decode()


def test_the_list_as_a_file_runs_nothing_in_a_spreadsheet(repo: Repository, owner: User) -> None:
    AccessRequest.objects.create(
        repository=repo, user=make_user("ann"), fields={"Why": '=HYPERLINK("x")', "Company": True}
    )
    AccessRequest.objects.create(repository=repo, user=make_user("ben"), fields={"-Age": "3, or\n4", "Why": "x;=1+1"})
    answer = get(browser_of(owner), f"{repo.get_absolute_url()}/settings/access.csv")
    assert "attachment" in answer.headers["Content-Disposition"]
    content = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    head, ann, ben = csv.reader(io.StringIO(content))
    # The card's own questions first, in its order.
    assert head[:2] + head[6:] == ["user", "name", "Company", "'-Age", "Why"]
    assert ann[6:] == ["yes", "", '\'=HYPERLINK("x")']
    assert (ben[0], ben[7]) == ("ben", "3, or\n4")
    # A spreadsheet that parts cells at semicolons does so outside quotes only.
    assert '"x;=1+1"' in content


def test_the_gate_is_chosen_in_the_settings(repo: Repository, owner: User) -> None:
    desk, at = browser_of(owner), f"{repo.get_absolute_url()}/settings"
    assert "Whoever you let in" in text_of(desk, at)
    for gate in ("auto", "", "manual"):
        assert desk.post(f"{at}/gate", {"gate": gate}).status_code == 302
        repo.refresh_from_db()
        assert repo.gate == gate
    assert desk.post(f"{at}/gate", {"gate": "ajar"}).status_code == 400


def test_ones_own_requests(repo: Repository, owner: User, member: User, browser: Client) -> None:
    assert "You have not asked for any." in text_of(browser, "/settings/gated")
    asked = AccessRequest.objects.create(repository=repo, user=member)
    assert repo.full_name in text_of(browser, "/settings/gated")
    gates.reject_request(request=asked, actor=owner, reason="Not now")
    page = text_of(browser, "/settings/gated")
    assert "Not now" in page
    assert "/access/withdraw" not in page
    gates.accept_request(request=asked, actor=owner)
    back = browser.post(f"{repo.get_absolute_url()}/access/withdraw", {"back": "settings"})
    assert back.headers["Location"] == "/settings/gated"
    assert "is taken back" in text_of(browser, "/settings/gated")
    # What was hidden meanwhile is not told of.
    AccessRequest.objects.create(repository=repo, user=member)
    Repository.objects.update(visibility="private")
    assert repo.full_name not in text_of(browser, "/settings/gated")


def test_lists_say_that_it_is_gated(repo: Repository, owner: User) -> None:
    assert "Gated" in text_of(Client(), f"/{owner.username}")
