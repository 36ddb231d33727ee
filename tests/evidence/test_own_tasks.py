"""What is drawn and said of tasks of a user's own: those without a picture are left out, and named."""

import pytest

import envs
from smiling.evidence import films, forecast
from smiling.experiment import load_experiment
from smiling.settings import UserError


@pytest.fixture
def settings(monkeypatch):
    """The experiment of tasks of which those that are dark have no picture."""
    monkeypatch.setattr(envs, "OWN", {})
    monkeypatch.setattr(envs, "why_not_shown", lambda name: f"{name} has no picture" if "dark" in name else None)

    def of(*names, further=()):
        own = [f"tasks.{name}={{env: 'nowhere:made'}}" for name in names if name not in envs.TASKS]
        return load_experiment("smoke", [*own, f"only_tasks={','.join(names)}", *further])

    return of


def test_films_are_of_the_first_tasks_that_have_a_picture(settings):
    asked = settings("dark", "one", "two", "three")
    assert films.tasks_of(asked) == ("one", "two")
    assert films.left_out(asked) == ["dark has no picture"]
    films.require(asked)


def test_figure_1_of_tasks_without_pictures_is_refused_with_the_reasons(settings):
    asked = settings("dark", "dark_too")
    assert films.tasks_of(asked) == ()
    with pytest.raises(UserError, match="figure1 cannot be drawn: dark has no picture; dark_too has no picture"):
        films.require(asked)


def test_figure_1s_own_tasks_go_before_a_users(settings):
    assert films.tasks_of(settings("one", "humanoid_crawl")) == ("humanoid_crawl",)


def test_a_forecast_counts_steps_of_the_tasks_own_episodes(settings, monkeypatch):
    monkeypatch.setattr(envs, "sizes", lambda name: (3, 1))
    monkeypatch.setattr(envs, "time_limit", lambda name: {"short": 10, "long": 500}[name])
    left = [forecast.disk_gigabytes(settings(name), "figure3")[1] for name in ("short", "long")]
    assert left[1] == pytest.approx(50 * left[0])
    assert left[0] == pytest.approx(2 * 4 * 2 * 10 * (2 * 3 + 1 + 1) / 1e9)
