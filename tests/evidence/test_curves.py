"""Normalisation, intervals, and what Figure 3 draws, against the curves recomputed with pandas."""

import json

import numpy as np
import pandas as pd
import pytest
from commands import assert_refused, run_here
from finished_runs import experiment, flags, write_returns, write_run
from pdf_text import text_of
from scipy import stats

import draw_curves
from smiling.evidence import curves
from smiling.settings import UserError

TASK = "ball_in_cup_catch"
SETTINGS = (f"only_tasks=[{TASK}]", "methods=[smiling,dac,bc]", "seeds=[0,1,2]")


@pytest.fixture
def results(tmp_path):
    """Finished runs of three methods with three seeds, expert 900 and random 100."""
    random, folder, settings = np.random.default_rng(0), tmp_path / "results", experiment(*SETTINGS)
    write_returns(folder, settings, TASK)
    for method, rows in (("smiling", 4), ("dac", 4), ("bc", 3)):
        for seed in range(3):
            write_run(folder, settings, TASK, method, seed, random.uniform(0, 1000, rows))
    return folder


def draw(results, *assignments):
    arguments = ["--figure", "figure3", "--results", results, *flags(*SETTINGS, *assignments)]
    return run_here("draw_curves.py", *arguments, "--out", results / "figure3")


def test_figure_data_are_the_curves(results):
    done = draw(results)
    assert done.returncode == 0, done.stderr
    drawn = pd.read_csv(results / "figure3.csv")
    for method in ("smiling", "dac"):
        runs = [pd.read_csv(results / TASK / "states" / method / f"seed{seed}" / "curve.csv") for seed in range(3)]
        normalised = pd.concat([(run["return"] - 100) / 800 for run in runs], axis=1)
        mine = drawn[drawn["method"] == method].reset_index()
        np.testing.assert_array_equal(mine["env_step"], runs[0]["env_step"])
        np.testing.assert_allclose(mine["mean"], normalised.mean(axis=1))
        np.testing.assert_allclose(mine[["seed0", "seed1", "seed2"]], normalised)
        interval = stats.ttest_1samp(normalised, 0, axis=1).confidence_interval()
        np.testing.assert_allclose(mine[["lower", "upper"]], np.transpose(interval), atol=1e-9)
    best = [
        pd.read_csv(results / TASK / "states" / "bc" / f"seed{seed}" / "curve.csv")["return"].max() for seed in range(3)
    ]
    assert drawn[drawn["method"] == "bc"]["mean"].item() == pytest.approx((np.mean(best) - 100) / 800)


def test_figure_comes_whole_with_provenance(results):
    draw(results)
    assert (results / "figure3.png").read_bytes().startswith(b"\x89PNG")
    assert (results / "figure3.pdf").read_bytes().startswith(b"%PDF")
    record = json.loads((results / "figure3.json").read_text())
    assert len(record["runs"]) == 9
    assert record["settings"]["scale"] == "smoke"
    assert "draw_curves.py" in record["provenance"]["command"]


def test_missing_seed_is_named(results):
    (results / TASK / "states" / "dac" / "seed1" / "curve.csv").unlink()
    assert_refused(draw(results), "states/dac/seed1/curve.csv is missing")
    assert not (results / "figure3.png").exists()


def test_missing_seed_may_be_left_out_and_the_figure_says_how_many_are_there(results):
    (results / TASK / "states" / "dac" / "seed1" / "curve.csv").unlink()
    done = draw(results, "allow_missing_seeds=true")
    assert done.returncode == 0, done.stderr
    drawn = pd.read_csv(results / "figure3.csv")
    assert drawn.groupby("method")["seeds"].unique().map(list).to_dict() == {"smiling": [3], "dac": [2], "bc": [3]}
    runs = [pd.read_csv(results / TASK / "states" / "dac" / f"seed{seed}" / "curve.csv") for seed in (0, 2)]
    mean = pd.concat([(run["return"] - 100) / 800 for run in runs], axis=1).mean(axis=1)
    np.testing.assert_allclose(drawn[drawn["method"] == "dac"]["mean"], mean)
    assert text_of(results / "figure3.pdf").count("2 to 3 seeds") == 1


def test_curve_that_leaves_the_view_is_named_with_its_value(results):
    assert draw(results).returncode == 0
    assert "DAC: to" not in text_of(results / "figure3.pdf")
    for seed in range(3):
        write_run(results, experiment(*SETTINGS), TASK, "dac", seed, [-5000.0] * 4)
    assert draw(results).returncode == 0
    assert "DAC: to -6.38" in text_of(results / "figure3.pdf")  # (-5000 - 100) / 800


def test_variants_of_iq_learn_compete_and_the_best_is_drawn(results):
    for variant, value in (("v0_1", 200.0), ("value_1", 600.0)):
        for seed in range(3):
            write_run(results, experiment(*SETTINGS), TASK, f"iq_learn-{variant}", seed, [value] * 4)
    assert draw(results, "methods=[smiling,iq_learn-v0_1,iq_learn-value_1]").returncode == 0
    drawn = set(pd.read_csv(results / "figure3.csv")["method"])
    assert drawn == {"smiling", "iq_learn-value_1"}


def test_expert_that_does_not_beat_random_is_refused_unless_allowed(results):
    folder = results / TASK / "demonstrations"
    (folder / "returns.json").write_text(json.dumps({"expert_return": 5.0, "random_return": 5.0}))
    with pytest.raises(UserError, match=r"expert's return \(5.0\) is not above random \(5.0\)"):
        curves.read_returns(folder)
    assert curves.read_returns(folder, must_beat_random=False) == (5.0, 5.0)


def test_task_whose_expert_is_no_better_than_random_is_drawn_as_it_is_and_says_so(results):
    write_returns(results, experiment(*SETTINGS), TASK, expert_return=90.0)
    done = draw(results)
    assert "not normalised, the expert being unknown or no better than random: ball_in_cup_catch" in done.stdout
    drawn = pd.read_csv(results / "figure3.csv")
    run = pd.read_csv(results / TASK / "states" / "dac" / "seed1" / "curve.csv")
    np.testing.assert_allclose(drawn[drawn["method"] == "dac"]["seed1"], run["return"])
    assert "not normalised" in text_of(results / "figure3.pdf")
    assert json.loads((results / "figure3.json").read_text())["not_normalised"] == [TASK]


def test_given_returns_normalise_instead_of_those_measured_and_raw_ones_stand_beside(results):
    done = draw(results, f"tasks.{TASK}.normalise={{expert: 3000, random: 20}}")
    assert f"note: normalised by returns that were given: {TASK} (expert 3000, random 20)" in done.stdout
    drawn = pd.read_csv(results / "figure3.csv")
    run = pd.read_csv(results / TASK / "states" / "dac" / "seed1" / "curve.csv")
    mine = drawn[drawn["method"] == "dac"].reset_index()
    np.testing.assert_allclose(mine["seed1"], (run["return"] - 20) / 2980)
    np.testing.assert_allclose(mine["return_seed1"], run["return"])
    raw = [mine[f"return_seed{seed}"] for seed in range(3)]
    np.testing.assert_allclose(mine["return_mean"], np.mean(raw, axis=0))


def test_task_whose_expert_is_unknown_is_drawn_raw(results):
    write_returns(results, experiment(*SETTINGS), TASK, expert_return=None, demonstrations=None, lengths=[20])
    done = draw(results)
    assert done.returncode == 0, done.stderr
    assert f"not normalised, the expert being unknown or no better than random: {TASK}" in done.stdout
    drawn = pd.read_csv(results / "figure3.csv")
    run = pd.read_csv(results / TASK / "states" / "dac" / "seed1" / "curve.csv")
    np.testing.assert_allclose(drawn[drawn["method"] == "dac"]["seed1"], run["return"])
    for script in ("summarise.py", "draw_page.py", "write_leaderboard.py", "write_table1.py"):
        told = run_here(script, "--results", results, *flags(*SETTINGS), "--out", results / script)
        assert told.returncode == 0, told.stderr


def test_expert_is_one_and_random_zero():
    np.testing.assert_allclose(curves.normalise(np.array([10.0, 110.0, 60.0]), expert=110, random=10), [0, 1, 0.5])


@pytest.mark.parametrize(
    ("content", "message"),
    [("", "is not a table"), ("env_step\n0\n", "needs the columns"), ("env_step,return\n0,nan\n", "not finite")],
)
def test_damaged_curve_is_refused(tmp_path, content, message):
    (tmp_path / "curve.csv").write_text(content)
    with pytest.raises(UserError, match=message):
        curves.read_curve(tmp_path)


def test_last_quarter_is_the_steps_beyond_three_quarters():
    steps = np.array([0, 10, 20, 30, 40])
    assert curves.last_quarter(steps, np.array([[0.0, 0, 0, 0, 4]])).tolist() == [4.0]


def test_curve_leaves_the_view_where_it_crosses_its_edge():
    steps = np.array([0.0, 10.0, 20.0, 30.0])
    assert draw_curves.first_crossing(steps, np.array([-1.0, -0.5, 1.5, 2.0])) == pytest.approx(12.5)
    assert draw_curves.first_crossing(steps, np.array([0.1, -1, -1, -1])) == 0
