"""What holds for the project as a whole."""

import pytest
from django.core.management import ManagementUtility, call_command


@pytest.mark.django_db
def test_every_change_of_a_model_has_its_migration() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=1)


def test_django_finds_nothing_to_warn_of() -> None:
    call_command("check", fail_level="WARNING")


@pytest.mark.parametrize(
    "name", ["up", "create_user", "create_org", "create_token", "check_health", "setup_link", "prepare"]
)
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        ManagementUtility(["manage.py", name, "--help"]).execute()
    assert not ended.value.code
    assert capsys.readouterr().out.startswith(f"usage: manage.py {name}")
