"""An evaluation from the click to the leaderboard, by a real worker; one that is cancelled; and the pages in every dress."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests import live
from tests.e2e.conftest import Looks, Visitor, visitor_of
from tests.workers.conftest import models  # noqa: F401 (a fixture)

ROWS = [f"The {n}th tree of the grove has {n * 7 % 97} branches." for n in range(400)]
MEASURED_MS = 240_000


@pytest.fixture
def visit(chromium: Browser, working_hub: live.Instance) -> Iterator[Visitor]:
    yield from visitor_of(chromium, working_hub)


@pytest.mark.full  # in the usual run, evaluations run on a live hub in tests/faults
def test_from_the_click_to_the_leaderboard(
    visit: Visitor,
    looks: Looks,
    models: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    rows = tmp_path / "test.jsonl"
    rows.write_text("".join(json.dumps({"text": row}) + "\n" for row in ROWS))
    page = visit.page
    visit.sign_up()
    dataset = visit.create("dataset", "trees", "mit")
    visit.upload(dataset, rows)
    model = visit.create("model", "tiny", "mit")
    visit.upload(model, *(models / "gpt2").iterdir())

    visit.open(f"{model}/evaluations")
    page.fill("[name=dataset]", "nothing-of-this-name")
    page.wait_for_selector("#datasets-known:not(:has(option))", state="attached")
    page.fill("[name=dataset]", f"{visit.name}/tre")
    page.wait_for_selector(f"#datasets-known option[value='{visit.name}/trees']", state="attached")
    page.fill("[name=dataset]", f"{visit.name}/trees")
    page.click("text=More settings")
    page.fill("[name=context]", "128")
    page.fill("[name=stride]", "64")
    page.click("#evaluate button[type=submit]")
    page.wait_for_url(f"{visit.hub}{model}/evaluations/*")
    run = page.url.removeprefix(visit.hub).partition("#")[0]
    assert page.locator(".steps [aria-current]").count() == 1
    # The page follows by itself and shows the result in the end.
    page.wait_for_selector(".measured", timeout=MEASURED_MS)
    bits = page.text_content(".measured dd b")
    assert bits and 0 < float(bits) < 20
    log = page.text_content(".log") or ""
    assert "windows, perplexity so far" in log and bits in log

    visit.open(f"{dataset}/leaderboard")
    assert page.text_content(".lbt tbody .rk") == "1"
    assert page.text_content(".lbt .score b") == bits
    assert page.locator(".lbt .iv .pt").count() == 1
    page.click(".lbt tbody th a")
    page.wait_for_url(visit.hub + run)
    visit.open(model)
    aside = page.locator("aside")
    # The owner is the model's own, so the name alone stands there; the link has both.
    assert aside.locator(f"a[href*='{visit.name}']", has_text="trees").count()

    # What has been measured is said. The same on thousands of windows takes long enough to be stopped.
    visit.open(f"{model}/evaluations")
    page.fill("[name=dataset]", f"{visit.name}/trees")
    page.click("text=More settings")
    page.fill("[name=context]", "256")
    page.fill("[name=stride]", "1")
    page.fill("[name=max_tokens]", "20000")
    page.click("#evaluate button[type=submit]")
    page.wait_for_selector("progress", timeout=MEASURED_MS)
    live_run = page.url.removeprefix(visit.hub).partition("#")[0]
    problems = dressed(visit, looks, [live_run])
    visit.open(live_run)
    page.click("text=Cancel")
    page.wait_for_selector("text=It was cancelled")
    problems += dressed(visit, looks, [f"{model}/evaluations", run, f"{dataset}/leaderboard", live_run])
    assert not problems, "\n".join(problems)


def dressed(visit: Visitor, looks: Looks, addresses: list[str]) -> list[str]:
    """Return what axe finds, and what is wider than the window, in these themes, languages and widths."""
    problems = []
    for theme, language, width in looks:
        visit.dress(theme=theme, language=language, width=width)
        for address in addresses:
            visit.page.goto(visit.hub + address)
            found = visit.axe() + ([f"{visit.overflow()} px too wide"] if visit.overflow() else [])
            problems += [f"{address} {theme} {language} {width}: {line}" for line in found]
    visit.dress(theme="light", language="en", width=1280)
    return problems
