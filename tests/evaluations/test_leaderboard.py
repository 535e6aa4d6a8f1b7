"""Which results compare, one row a model, and what a rank says."""

import pytest

from hub.evaluations.leaderboard import choose_group, groups_of, rows_of
from hub.evaluations.models import Run
from hub.repos.models import Repository, Visibility
from tests.evaluations.making import finish, make_dataset, make_model, make_run
from tests.factories import make_user
from tests.web.repos import commit_files

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset(db: None) -> Repository:
    return make_dataset()


def board(dataset: Repository, user: object = None) -> list[tuple[str, float, tuple[int, int] | None]]:
    user = user or make_user()
    rows = rows_of(dataset, groups_of(dataset, user)[0], user)  # type: ignore[arg-type]
    return [(row.run.model.name, row.score, row.ranks) for row in rows]


def test_ranks_are_ranges_where_intervals_overlap(dataset: Repository) -> None:
    models = [make_model() for _ in range(4)]
    for model, bits, margin in zip(models, (1.0, 1.5, 1.505, 3.0), (0.1, 0.02, 0.02, None), strict=True):
        finish(make_run(None, model, dataset), bits, bits_per_byte_margin=margin)
    a, b, c, d = (model.name for model in models)
    assert board(dataset) == [(a, 1.0, (1, 1)), (b, 1.5, (2, 3)), (c, 1.505, (2, 3)), (d, 3.0, (4, 4))]


def test_the_newest_commit_stands_for_a_model(dataset: Repository) -> None:
    model, ada = make_model(), make_user()
    finish(make_run(ada, model, dataset), 1.0)
    commit_files(model, {"README.md": "# Newer"})
    finish(make_run(ada, model, dataset), 2.0)
    finish(make_run(ada, model, dataset, again=True), 2.1)
    [row] = rows_of(dataset, groups_of(dataset, ada)[0], ada)
    assert (row.score, row.older, row.current) == (2.1, 2, True)
    commit_files(model, {"README.md": "# Newest"})
    [row] = rows_of(dataset, groups_of(dataset, ada)[0], ada)
    assert row.current is False


def test_settings_make_groups(dataset: Repository) -> None:
    ada, one, two = make_user(), make_model(), make_model()
    finish(make_run(ada, one, dataset, context=64))
    finish(make_run(ada, one, dataset, context=128))
    finish(make_run(ada, two, dataset, context=128))
    groups = groups_of(dataset, ada)
    assert [(group.context, group.count) for group in groups] == [(128, 2), (64, 1)]
    assert choose_group(groups, {"context": "64"}) == groups[1]
    assert choose_group(groups, {"context": "65"}) is None
    assert choose_group(groups, {}) == groups[0]


def test_results_on_other_data_have_no_rank_and_a_new_card_changes_nothing(dataset: Repository) -> None:
    old, new = make_model(), make_model()
    finish(make_run(None, old, dataset), 1.0)
    commit_files(dataset, {"README.md": "# A card"})
    assert board(dataset) == [(old.name, 1.0, (1, 1))]
    commit_files(dataset, {"test.jsonl": '{"text": "Other trees."}\n'})
    finish(make_run(None, new, dataset), 2.0)
    assert board(dataset) == [(new.name, 2.0, (1, 1)), (old.name, 1.0, None)]


def test_private_models_stand_only_on_the_board_of_their_readers(dataset: Repository) -> None:
    ada = make_user()
    hidden, shown = make_model(ada, visibility=Visibility.PRIVATE), make_model()
    finish(make_run(ada, hidden, dataset, context=64), 1.0)
    finish(make_run(None, shown, dataset), 2.0)
    assert board(dataset) == [(shown.name, 2.0, (1, 1))]
    assert [group.context for group in groups_of(dataset, make_user())] == [512]
    assert {group.context for group in groups_of(dataset, ada)} == {64, 512}


def test_unfinished_runs_are_not_on_the_board(dataset: Repository) -> None:
    run = make_run(None, make_model(), dataset)
    assert groups_of(dataset, make_user()) == []
    assert Run.objects.unfinished().get() == run
