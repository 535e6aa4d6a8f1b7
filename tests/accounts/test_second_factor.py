"""Secrets of second factors as they stand in the database, and taking one away for somebody who lost it."""

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth as totp
from django.core.management import call_command

from hub.accounts.errors import SecondFactorUnreadable
from hub.accounts.second_factor import encrypt_secrets
from hub.core import encryption
from hub.core.models import AuditEvent
from tests.factories import make_user

pytestmark = pytest.mark.django_db
SECRET, SEED = "JBSWY3DPEHPK3PXP", "0f" * 40


def rows(**data: str) -> tuple[Authenticator, Authenticator]:
    """The app and the recovery codes of a new user."""
    user = make_user()
    app = Authenticator.objects.create(user=user, type="totp", data={"secret": data.get("secret", SECRET)})
    seed = {"seed": data.get("seed", SEED), "used_mask": 5}
    return app, Authenticator.objects.create(user=user, type="recovery_codes", data=seed)


def test_secrets_do_not_stand_in_the_database() -> None:
    user = make_user()
    app, codes = totp.TOTP.activate(user, SECRET), RecoveryCodes.activate(user)
    kept = [Authenticator.objects.get(pk=each.instance.pk).data for each in (app, codes)]
    assert SECRET not in str(kept) and kept[0]["secret"].startswith("enc:") and kept[1]["seed"].startswith("enc:")
    code = totp.format_hotp_value(totp.hotp_value(SECRET, next(totp.yield_hotp_counters_from_time())))
    assert Authenticator.objects.get(pk=app.instance.pk).wrap().validate_code(code)


def test_earlier_rows_are_read_and_encrypted_once() -> None:
    app, codes = rows()
    before = codes.wrap().get_unused_codes()
    assert encrypt_secrets() == 2
    assert encrypt_secrets() == 0
    app.refresh_from_db()
    codes.refresh_from_db()
    assert SECRET not in str(app.data) and SEED not in str(codes.data)
    assert codes.wrap().get_unused_codes() == before and len(before) == 8


def test_a_new_key_reads_what_the_earlier_one_encrypted(settings: object) -> None:
    earlier = settings.SECRET_KEY
    _app, codes = rows()
    before = codes.wrap().get_unused_codes()
    encrypt_secrets()
    settings.SECRET_KEY = "a new key of this hub"
    codes.refresh_from_db()
    with pytest.raises(SecondFactorUnreadable):
        codes.wrap().get_unused_codes()
    assert encrypt_secrets() == 0
    settings.SECRET_KEY_FALLBACKS = [earlier]
    assert codes.wrap().get_unused_codes() == before
    assert encrypt_secrets() == 2
    settings.SECRET_KEY_FALLBACKS = []
    codes.refresh_from_db()
    assert codes.wrap().get_unused_codes() == before


def test_what_is_encrypted_for_one_purpose_is_read_for_no_other() -> None:
    kept = encryption.encrypt(SECRET, purpose="one")
    assert encryption.decrypt(kept, purpose="one") == SECRET
    for broken in (kept, kept[:-4] + "AAA="):
        with pytest.raises(encryption.Unreadable):
            encryption.decrypt(broken, purpose="another" if broken == kept else "one")


def test_the_operator_takes_it_from_somebody_who_lost_it(capsys: pytest.CaptureFixture[str]) -> None:
    app, _codes = rows()
    user = app.user
    user.refresh_from_db()
    assert user.second_factor
    call_command("remove_second_factor", user.username)
    user.refresh_from_db()
    assert not user.second_factor and not Authenticator.objects.filter(user=user).exists()
    done = AuditEvent.objects.get(verb="second-factor.reset", target=user.username)
    assert done.actor is None and "by the password alone" in capsys.readouterr().out
    call_command("remove_second_factor", user.username)
    assert "has no second factor" in capsys.readouterr().out
