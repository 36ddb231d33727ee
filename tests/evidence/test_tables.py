"""Tables and summaries against the same numbers by pandas, from the curves."""

import json

import numpy as np
import pandas as pd
import pytest
from commands import run_here, run_well
from finished_runs import experiment, flags, write_returns, write_run
from scipy import stats

import draw_figure1
from smiling.evidence import tables

TASKS = ("ball_in_cup_catch", "cheetah_run")
ASSIGNMENTS = (
    *(f"only_tasks=[{','.join(TASKS)}]", "methods=[smiling,dac,bc]", "seeds=[0,1,2]"),
    *(f"tasks.{task}.env_steps=8000" for task in TASKS),
)
SETTINGS = flags(*ASSIGNMENTS)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Finished runs of three methods, three seeds, two tasks; expert 900 and random 100."""
    random, root = np.random.default_rng(0), tmp_path_factory.mktemp("results")
    for task in TASKS:
        write_returns(root, experiment(*ASSIGNMENTS), task)
        for method in ("smiling", "dac", "bc"):
            for seed in range(3):
                write_run(root, experiment(*ASSIGNMENTS), task, method, seed, random.uniform(0, 1000, 9))
    return root


@pytest.fixture(scope="module")
def summary(results):
    run_well("summarise.py", "--results", results, *SETTINGS, "--out", results / "summary", how=run_here)
    return results / "summary"


def normalised(results, task, method, seed):
    curve = pd.read_csv(results / task / "states" / method / f"seed{seed}" / "curve.csv")
    return curve["env_step"], (curve["return"] - 100) / 800


def test_scores_are_those_of_the_curves(results, summary):
    scores = pd.read_csv(summary / "scores.csv")
    assert len(scores) == 2 * 3 * 3
    for _, row in scores.iterrows():
        steps, values = normalised(results, row["task"], row["method"], row["seed"])
        if row["method"] == "bc":
            assert row["final"] == row["area"] == pytest.approx(values.max())
        else:
            assert row["final"] == pytest.approx(values[steps > 6000].mean())
            assert row["area"] == pytest.approx(((values[:-1].to_numpy() + values[1:].to_numpy()) / 2).mean())


def test_bars_of_figure_1_are_the_final_scores(results, summary):
    bars = draw_figure1.bars(results, experiment(*ASSIGNMENTS)).set_index(["task", "method"])
    scores = pd.read_csv(summary / "scores.csv")
    for key, mine in scores.groupby(["task", "method"]):
        assert bars.loc[key, "mean"] == pytest.approx(mine["final"].mean())
        assert bars.loc[key, ["seed0", "seed1", "seed2"]].tolist() == pytest.approx(mine["final"].tolist())
        assert bars.loc[key, "lower"] <= mine["final"].mean() <= bars.loc[key, "upper"]


def test_summaries_follow_from_the_scores(summary):
    scores = pd.read_csv(summary / "scores.csv")
    by_task = pd.read_csv(summary / "tasks.csv").set_index(["task", "method"])
    for key, mine in scores.groupby(["task", "method"]):
        assert by_task.loc[key, "final_mean"] == pytest.approx(mine["final"].mean())
        assert by_task.loc[key, "final_iqm"] == pytest.approx(stats.trim_mean(mine["final"], 0.25))
        assert by_task.loc[key, "final_mean_lower"] <= mine["final"].mean() <= by_task.loc[key, "final_mean_upper"]
    over_tasks = pd.read_csv(summary / "methods.csv").set_index("method")
    for method, mine in scores.groupby("method"):
        assert over_tasks.loc[method, "area_mean"] == pytest.approx(mine.groupby("task")["area"].mean().mean())
        assert over_tasks.loc[method, "final_iqm"] == pytest.approx(stats.trim_mean(mine["final"], 0.25))
    profiles = pd.read_csv(summary / "profiles.csv")
    half = profiles[np.isclose(profiles["threshold"], 0.5)].set_index("method")["share"]
    assert half.to_dict() == pytest.approx((scores["final"] > 0.5).groupby(scores["method"]).mean().to_dict())
    pairs = pd.read_csv(summary / "improvement.csv").set_index(["method", "other"])["probability"]
    assert pairs["smiling", "dac"] + pairs["dac", "smiling"] == pytest.approx(1)


def test_summary_to_read_lists_every_seed(summary):
    scores, words = pd.read_csv(summary / "scores.csv"), (summary / "results.md").read_text()
    mine = scores[(scores["task"] == "cheetah_run") & (scores["method"] == "dac")]["final"]
    assert ", ".join(f"{value:.2f}" for value in mine) in words
    assert (summary / "profiles.png").read_bytes().startswith(b"\x89PNG")


def test_table_of_tasks_has_the_environments_sizes_and_measured_returns(results, tmp_path):
    run_well("write_table1.py", "--results", results, *SETTINGS, "--out", tmp_path / "table1", how=run_here)
    table = pd.read_csv(tmp_path / "table1.csv").set_index("task")
    assert table.loc["cheetah_run", ["observation", "action"]].tolist() == [17, 6]
    assert table.loc["ball_in_cup_catch", ["observation", "action"]].tolist() == [8, 2]
    assert table.loc["cheetah_run", ["expert return", "random return"]].tolist() == [900, 100]
    assert table.loc["cheetah_run", "demonstrated return"] == 900
    assert r"\toprule" in (tmp_path / "table1.tex").read_text()
    assert "| cheetah_run" in (tmp_path / "table1.md").read_text()


def test_hyperparameters_that_are_not_the_papers_are_marked(tmp_path):
    run_well("write_table2.py", "--out", tmp_path / "smoke", how=run_here)
    smoke = pd.read_csv(tmp_path / "smoke.csv", keep_default_na=False).set_index(["part", "setting"])
    width = smoke.loc[("smiling", "score_model.width")]
    assert (width["paper"], width["here"], width.iloc[-1]) == ("256", "16", "differs")
    assert smoke.loc[("dac", "penalty")].tolist() == ["10.0", "10.0", ""]
    samples = smoke.loc[("smiling", "cost.samples"), "paper"]
    assert samples.startswith("500 (ball_in_cup_catch, cheetah_run, humanoid_walk); 100 (humanoid_sit")
    run_well("write_table2.py", "--out", tmp_path / "paper", "--scale", "paper", how=run_here)
    paper = pd.read_csv(tmp_path / "paper.csv", keep_default_na=False)
    assert paper.loc[paper.iloc[:, -1] == "differs", "setting"].tolist() == ["cost.samples", "cost.estimator"]


def test_latex_prints_what_it_takes_for_itself(tmp_path):
    table = pd.DataFrame({"a_b": ["5 % & more"], "c": [0.123456]})
    tables.write(table, tmp_path / "t", "Caption_1")
    written = (tmp_path / "t.tex").read_text()
    assert r"a\_b" in written
    assert r"5 \% \& more" in written
    assert r"\caption{Caption\_1}" in written
    assert "0.1235" in written
    assert pd.read_csv(tmp_path / "t.csv")["c"].item() == 0.123456


def test_claims_at_a_small_scale_stay_open(results, tmp_path):
    run_well("check_claims.py", "--results", results, *SETTINGS, "--out", tmp_path, how=run_here)
    words = (tmp_path / "claims.md").read_text()
    assert "ball_in_cup_catch has 8000 of the paper's 400000 steps" in words
    assert "missing: humanoid_sit: area of SMILING - dac: no runs of" in words
    verdicts = json.loads((tmp_path / "claims.json").read_text())["verdicts"]
    assert len(verdicts) == 7
    assert all(verdict.startswith("undecided") for verdict in verdicts)
    rows = pd.read_csv(tmp_path / "claims.csv").set_index("comparison")
    scores = {
        method: np.mean([normalised(results, "cheetah_run", method, seed)[1][7:].mean() for seed in range(3)])
        for method in ("smiling", "dac")
    }
    assert rows.loc["the end, SMILING - DAC", "value"] == pytest.approx(scores["smiling"] - scores["dac"])
