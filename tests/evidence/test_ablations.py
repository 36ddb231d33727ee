"""The paper's choices, tried: which runs, and what is drawn of them, against pandas and scipy."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from commands import ROOT, run_here
from finished_runs import EXPERT, RANDOM, experiment, flags, write_returns, write_run

from smiling.evidence import ablations, finished
from smiling.experiment import load_experiment
from smiling.runs import demonstration_kinds

CHOSEN = ("only_tasks=cheetah_run,ball_in_cup_catch", "seeds=0,1,2")
STEPS_OF_THE_SHIPPED = {"ball_in_cup_catch": 32_000, "cheetah_run": 12_000}  # as the Makefile says


def final_of(group: finished.RunGroup, seed: int) -> float:
    """A normalised return, made up: of the experiment's own, around a half."""
    shift = 0.0 if ablations.Value("").is_of(group) else sum(map(ord, group.method + group.demos)) % 40 / 100
    return 0.5 + 0.1 * seed - shift


def finish(results: Path, *assignments: str, leave_out: str = "") -> None:
    """All runs but those whose method is left out, and what they learnt from."""
    settings = experiment(*assignments)
    for task in settings.task_names():
        write_returns(results, settings, task)
    for group in ablations.planned(settings):
        kind = demonstration_kinds.parse(group.demos)
        if kind.trajectories is not None:
            write_returns(results, settings.demonstrating(kind), group.task, folder=kind.folder)
        for seed in group.seeds if group.method != leave_out else ():
            last = RANDOM + (EXPERT - RANDOM) * final_of(group, seed)
            write_run(results, settings, group.task, group.method, seed, [RANDOM, last, last], group.demos)


def drawn(folder: Path, *assignments: str):
    places = "--results", folder / "results", "--out", folder / "figures" / "ablations"
    return run_here("draw_ablations.py", *places, *flags(*assignments))


@pytest.mark.parametrize("assignments", [CHOSEN, ("only_tasks=cheetah_run", "seeds=0"), ("seeds=0,1",)])
def test_drawn_numbers_are_those_of_the_curves(assignments, tmp_path):
    finish(tmp_path / "results", *assignments)
    done = drawn(tmp_path, *assignments)
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "figures" / "ablations.csv")
    for row in table.itertuples():
        curve = pd.read_csv(tmp_path / "results" / row.task / row.demos / row.method / f"seed{row.seed}" / "curve.csv")
        last = (curve["return"].iloc[-1] - RANDOM) / (EXPERT - RANDOM)
        assert row.final == pytest.approx(last, abs=1e-9)
    settings = experiment(*assignments)
    assert set(table["task"]) == set(settings.task_names())
    assert set(table["seed"]) == set(settings.seeds)
    record = json.loads((tmp_path / "figures" / "ablations.json").read_text())
    assert record["made_by"]["runs"] == len(ablations.planned(settings)) * len(settings.seeds)
    for suffix in ("png", "pdf"):
        assert (tmp_path / "figures" / f"ablations.{suffix}").stat().st_size > 10_000


def test_effects_are_differences_to_the_experiments_own(tmp_path):
    finish(tmp_path / "results", *CHOSEN)
    assert drawn(tmp_path, *CHOSEN).returncode == 0
    seeds, effects = (pd.read_csv(tmp_path / "figures" / f"ablations{name}.csv") for name in ("", "_effects"))
    means = seeds.groupby(["choice", "value", "task", "own"])["final"].mean().groupby(["choice", "value", "own"]).mean()
    for row in effects.itertuples():
        own = means.loc[row.choice].xs(True, level="own").item()
        assert row.difference == pytest.approx(means.loc[(row.choice, row.value, False)] - own, abs=1e-9)
        assert row.tasks == 2
        assert row.seeds == 3
        assert row.lower < row.difference < row.upper
        parts = [
            seeds[(seeds["choice"] == row.choice) & (seeds["task"] == task) & own]
            for task in ("cheetah_run", "ball_in_cup_catch")
            for own in (seeds["own"], seeds["value"] == row.value)
        ]
        errors = [part["final"].var(ddof=1) / 3 for part in parts]  # of the four means
        freedom = sum(errors) ** 2 / sum(error**2 / 2 for error in errors)
        half = scipy.stats.t.ppf(0.975, freedom) * np.sqrt(sum(errors)) / 2
        assert row.upper - row.difference == pytest.approx(half, abs=1e-9)


def test_shipped_runs_give_by_pandas_what_is_drawn_of_them(tmp_path):
    shipped = ROOT / "results" / "reference" / "ablations"
    steps = [f"--set=tasks.{task}.env_steps={count}" for task, count in STEPS_OF_THE_SHIPPED.items()]
    given = ("--results", shipped, "--out", tmp_path / "ablations", "--scale", "quick", *steps)
    done = run_here("draw_ablations.py", *given)
    assert done.returncode == 0, done.stderr
    found = []
    for path in sorted(shipped.glob("*/*/*/seed*/curve.csv")):
        task, demos, method, seed = path.relative_to(shipped).parts[:4]
        curve = pd.read_csv(path)
        last = curve["return"][curve["env_step"] > 0.75 * curve["env_step"].max()].mean()
        scale = json.loads((shipped / task / "demonstrations" / "returns.json").read_text())
        final = (last - scale["random_return"]) / (scale["expert_return"] - scale["random_return"])
        found.append((task, demos, method, int(seed.removeprefix("seed")), final))
    by_hand = pd.DataFrame(found, columns=["task", "demos", "method", "seed", "final"])
    drawn = pd.read_csv(tmp_path / "ablations.csv")
    both = drawn.merge(by_hand, on=["task", "demos", "method", "seed"], how="outer", indicator=True)
    assert (both["_merge"] == "both").all()
    np.testing.assert_allclose(both["final_x"], both["final_y"], rtol=1e-12)
    means = by_hand.groupby(["task", "demos", "method"])["final"].mean()
    ends = means.groupby(["demos", "method"]).mean()  # over tasks
    values = drawn.drop_duplicates(["choice", "value"]).set_index(["choice", "value"])
    for row in pd.read_csv(tmp_path / "ablations_effects.csv").itertuples():
        value = values.loc[row.choice, row.value]
        assert row.difference == pytest.approx(ends[value["demos"], value["method"]] - ends["states", "smiling"])


def test_missing_runs_are_an_error_or_named(tmp_path):
    finish(tmp_path / "results", *CHOSEN, leave_out="smiling-width_64")
    done = drawn(tmp_path, *CHOSEN)
    assert done.returncode == 1
    assert "smiling-width_64/seed0" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    done = drawn(tmp_path, *CHOSEN, "allow_missing_seeds=true")
    assert done.returncode == 0, done.stderr
    said = "No runs of: Width of score models: 64 on cheetah_run, Width of score models: 64 on ball_in_cup_catch."
    assert said in (tmp_path / "figures" / "ablations_effects.md").read_text()


def test_nothing_to_compare_with_is_said(tmp_path):
    finish(tmp_path / "results", *CHOSEN, leave_out="smiling")
    done = drawn(tmp_path, *CHOSEN, "allow_missing_seeds=true")
    assert done.returncode == 1
    assert "as it is set" in done.stderr or "states_" in done.stderr


def test_what_a_scale_has_already_is_not_tried_again():
    values = {choice.name: choice.values(experiment(), "cheetah_run") for choice in ablations.CHOICES}
    assert [value.name for value in values["Samples of a cost"]] == ["4 (as set)", "500"]
    paper = load_experiment("paper")
    assert [value.name for value in ablations.CHOICES[0].values(paper, "cheetah_run")] == ["28 (as set)", "4", "500"]
    assert len(ablations.CHOICES[1].values(paper, "humanoid_sit")) == 2  # 100 of the grid are its own


def test_a_file_of_ones_own_has_the_trajectories_that_it_has():
    settings = experiment("tasks.cheetah_run.demonstrations=my.npz", "only_tasks=cheetah_run")
    assert {group.demos for group in ablations.planned(settings)} == {"states", "state_actions"}


@pytest.mark.parametrize("name", ["state", "states_0", "states_", "states_-1", "actions", "states_01", "states_20 "])
def test_other_names_are_no_kinds(name):
    with pytest.raises(Exception, match="no kind of demonstrations"):
        demonstration_kinds.parse(name)


def test_kinds_say_what_is_seen_and_how_much():
    assert demonstration_kinds.parse("state_actions_20") == (True, 20)
    assert demonstration_kinds.parse("states_1").folder == "demonstrations_1"
    assert demonstration_kinds.parse("states").folder == "demonstrations"
    assert demonstration_kinds.of_folder("demonstrations_7") == (False, 7)
    assert demonstration_kinds.of_folder("demonstrations.old") is None


def test_settings_of_a_kind_are_the_experiments_with_its_trajectories():
    settings = experiment()
    assert settings.demonstrating(demonstration_kinds.parse("states")) is settings
    of_twenty = settings.demonstrating(demonstration_kinds.parse("states_20"))
    assert of_twenty.of_demonstrations("cheetah_run")["expert"]["trajectories"] == 20
    assert of_twenty.of_expert("cheetah_run") == settings.of_expert("cheetah_run")
