"""A bucket in the browser: made, filled by a choice of files, looked at in all its pages, emptied."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Looks, Visitor


@pytest.mark.full  # in the usual run, tests/web asks for the same pages
def test_a_bucket_in_the_browser(visit: Visitor, looks: Looks, tmp_path: Path) -> None:
    name = visit.sign_up()
    bucket = f"/buckets/{name}/checkpoints"
    visit.open("/new/bucket")
    visit.page.fill("[name=name]", "checkpoints")
    visit.page.click("main form button[type=submit]")
    visit.page.wait_for_url(visit.hub + bucket)
    empty = visit.axe()

    (tmp_path / "README.md").write_text("# Notes\n\nA step a line.\n")
    (tmp_path / "说明 <b>.txt").write_text("one")
    visit.page.click("text=Upload files")
    visit.page.set_input_files("[data-pick][multiple]", [tmp_path / "README.md", tmp_path / "说明 <b>.txt"])
    visit.page.fill("[name=folder]", "")
    visit.page.wait_for_selector("[data-commit]:not([disabled])")
    visit.page.click("[data-commit]")
    visit.page.wait_for_url(visit.hub + bucket)
    expect(visit.page.locator("main")).to_contain_text("2 files are uploaded.")
    expect(visit.page.locator(".prose h1")).to_have_text("Notes")

    problems = [f"empty: {found}" for found in empty]
    pages = ("/buckets", bucket, f"{bucket}/upload", f"{bucket}/settings")
    for theme, language, width in looks:
        visit.dress(theme=theme, language=language, width=width)
        for address in pages:
            visit.open(address)
            problems += [f"{address} {theme} {language}: {found}" for found in visit.axe()]
    visit.dress(theme="light", language="zh-hans", width=320)
    for address in pages:
        visit.open(address)
        if wide := visit.overflow():
            problems.append(f"{address}: {wide} px too wide")
    assert not problems, "\n".join(problems)

    visit.dress(theme="light", language="en", width=1280)
    visit.open(bucket)
    visit.page.check("input[value='说明 <b>.txt']")
    visit.page.click("text=Delete chosen files")
    visit.page.click("text=Delete for good")
    visit.page.wait_for_url(visit.hub + bucket)
    expect(visit.page.locator("main")).to_contain_text("1 file is deleted.")
    expect(visit.page.locator("tbody tr")).to_have_count(1)
