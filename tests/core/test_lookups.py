import pytest
from django.db import connection

from hub.accounts.models import Namespace
from hub.repos.models import Repository
from tests.factories import make_repo, make_user

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", ["repository_name_once", "namespace_name_once"])
def test_names_in_any_letters_are_looked_up_by_their_index(name):
    with connection.cursor() as cursor:
        # However few rows there are.
        cursor.execute("SET LOCAL enable_seqscan = off")
        plan = Repository.objects.named("model", "Ada", "Tiny").explain()
    assert f"using {name}" in plan, plan
    # A reading of all entries of the index would be no look-up.
    assert plan.count("lower(") >= 2 and "Filter: (lower" not in plan, plan


def test_letters_of_names_make_no_difference():
    repo = make_repo(make_user("Ada"), name="Tiny-Model")

    assert list(Repository.objects.named("model", "aDA", "tINY-mODEL")) == [repo]
    assert Namespace.objects.named("ADA").exists()
    assert not Namespace.objects.named("Ad_").exists()
