"""Tables and summaries against the same numbers by pandas, from the curves."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from commands import assert_refused, run_here, run_well
from finished_runs import experiment, flags, write_returns, write_run
from scipy import stats

import draw_figure1
from smiling.evidence import hyperparameters, summaries, tables
from smiling.evidence.finished import RunGroup
from smiling.experiment import in_full, load_experiment

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
        interval = stats.ttest_1samp(mine["final"], 0).confidence_interval()
        assert bars.loc[key, ["lower", "upper"]].tolist() == pytest.approx(list(interval))


def test_summaries_follow_from_the_scores(summary):
    scores = pd.read_csv(summary / "scores.csv")
    by_task = pd.read_csv(summary / "tasks.csv").set_index(["task", "method"])
    for key, mine in scores.groupby(["task", "method"]):
        assert by_task.loc[key, "final_mean"] == pytest.approx(mine["final"].mean())
        assert by_task.loc[key, "final_iqm"] == pytest.approx(stats.trim_mean(mine["final"], 0.25))
        interval = stats.ttest_1samp(mine["final"], 0).confidence_interval()
        assert by_task.loc[key, ["final_mean_lower", "final_mean_upper"]].tolist() == pytest.approx(list(interval))
        assert by_task.loc[key, ["fewest_seeds", "most_seeds", "normalised"]].tolist() == [3, 3, True]
    over_tasks = pd.read_csv(summary / "methods.csv").set_index("method")
    for method, mine in scores.groupby("method"):
        assert over_tasks.loc[method, "area_mean"] == pytest.approx(mine.groupby("task")["area"].mean().mean())
        assert over_tasks.loc[method, "final_iqm"] == pytest.approx(stats.trim_mean(mine["final"], 0.25))
    profiles = pd.read_csv(summary / "profiles.csv")
    half = profiles[np.isclose(profiles["threshold"], 0.5)].set_index("method")["share"]
    assert half.to_dict() == pytest.approx((scores["final"] > 0.5).groupby(scores["method"]).mean().to_dict())
    pairs = pd.read_csv(summary / "improvement.csv").set_index(["method", "other"])
    ranks = [
        stats.mannwhitneyu(*(mine[mine["method"] == name]["final"] for name in ("smiling", "dac"))).statistic / 9
        for _, mine in scores.groupby("task")
    ]
    assert pairs.loc[("smiling", "dac"), "probability"] == pytest.approx(np.mean(ranks))
    assert pairs.loc[("smiling", "dac"), ["lowest", "highest"]].tolist() == pytest.approx([min(ranks), max(ranks)])
    assert pairs.loc[("smiling", "dac"), ["tasks"]].item() == 2
    assert pairs["probability"].groupby(lambda pair: frozenset(pair)).sum().tolist() == pytest.approx([1, 1, 1])


def test_summary_to_read_lists_every_seed(summary):
    scores, words = pd.read_csv(summary / "scores.csv"), (summary / "results.md").read_text()
    mine = scores[(scores["task"] == "cheetah_run") & (scores["method"] == "dac")]["final"]
    assert ", ".join(f"{value:.2f}" for value in mine) in words
    row = pd.read_csv(summary / "improvement.csv").set_index(["method", "other"]).loc["smiling", "dac"]
    assert f"| {row['lowest']:.2f} to {row['highest']:.2f} " in words
    for name in ("profiles.png", "improvement.png"):
        assert (summary / name).read_bytes().startswith(b"\x89PNG")


def test_table_of_tasks_has_the_environments_sizes_and_measured_returns(results, tmp_path):
    run_well("write_table1.py", "--results", results, *SETTINGS, "--out", tmp_path / "table1", how=run_here)
    table = pd.read_csv(tmp_path / "table1.csv").set_index("task")
    assert table.loc["cheetah_run", ["observation", "action", "episode"]].tolist() == [17, 6, 1000]
    assert table.loc["cheetah_run", "environment"] == "dm_control:cheetah/run"
    assert table.loc["ball_in_cup_catch", ["observation", "action"]].tolist() == [8, 2]
    assert table.loc["cheetah_run", ["expert return", "random return"]].tolist() == [900, 100]
    assert table.loc["cheetah_run", "demonstrated return"] == 900
    assert table.loc["cheetah_run", "expert spread"] == pytest.approx(np.std([880, 920], ddof=1))
    assert np.isnan(table.loc["cheetah_run", "random spread"])  # of one episode
    assert r"\toprule" in (tmp_path / "table1.tex").read_text()
    assert "| cheetah_run" in (tmp_path / "table1.md").read_text()


def test_only_shared_and_normalised_tasks_are_averaged(results, tmp_path):
    scores = pd.read_csv(run_summary(results, tmp_path / "all") / "scores.csv")
    extra = pd.concat([scores, scores[(scores["task"] == TASKS[0]) & (scores["method"] == "dac")].assign(task="third")])
    assert summaries.shared_tasks(extra, []) == list(TASKS)
    assert summaries.shared_tasks(extra, [TASKS[0]]) == [TASKS[1]]


def run_summary(results, out, *more):
    run_well("summarise.py", "--results", results, *SETTINGS, *more, "--out", out, how=run_here)
    return out


def test_task_that_is_not_normalised_is_in_no_average(results, tmp_path):
    mixed = tmp_path / "mixed"
    shutil.copytree(results, mixed)
    write_returns(mixed, experiment(*ASSIGNMENTS), TASKS[0], expert_return=90.0)
    summary = run_summary(mixed, tmp_path / "summary")
    scores = pd.read_csv(summary / "scores.csv")
    only = scores[scores["task"] == TASKS[1]].groupby("method")["final"].mean()
    over_tasks = pd.read_csv(summary / "methods.csv").set_index("method")
    assert over_tasks["final_mean"].to_dict() == pytest.approx(only.to_dict())
    assert (over_tasks["tasks"] == 1).all()
    words = (summary / "results.md").read_text()
    assert "Ball in cup: catch (not normalised)" in words
    assert "left out: Ball in cup: catch" in words
    claims = run_well("check_claims.py", "--results", mixed, *SETTINGS, "--out", tmp_path / "claims", how=run_here)
    assert "those tasks count in no claim" in claims
    assert "1 of 6 tasks" in claims


def test_one_seed_has_no_interval_and_the_table_says_so(results, tmp_path):
    one = flags(*ASSIGNMENTS[:2], "seeds=[0]", *ASSIGNMENTS[3:])
    run_well("summarise.py", "--results", results, *one, "--out", tmp_path, how=run_here)
    words = (tmp_path / "results.md").read_text()
    assert "(one seed: no interval)" in words
    assert pd.read_csv(tmp_path / "tasks.csv")[["final_mean_lower", "final_iqm_lower"]].isna().all(axis=None)


def table_2(results, tmp_path, *assignments):
    arguments = ["--results", results, *flags(*assignments), "--out", tmp_path / "table2"]
    run_well("write_table2.py", *arguments, how=run_here)
    return pd.read_csv(tmp_path / "table2.csv", keep_default_na=False).set_index(["part", "setting"])


def test_hyperparameters_are_those_of_the_runs_and_marked_where_not_the_papers(results, tmp_path):
    table = table_2(results, tmp_path, *ASSIGNMENTS)
    width = table.loc[("smiling", "score_model.width")]
    assert (width["paper"], width["here"], width.iloc[-1]) == ("256", "16", "differs")
    assert table.loc[("dac", "penalty")].tolist() == ["10.0", "10.0", ""]
    steps = "400000 (ball_in_cup_catch); 3000000 (cheetah_run)"
    assert table.loc[("smiling", "env_steps")].tolist() == [steps, "8000", "differs"]
    record = json.loads((results / TASKS[0] / "states" / "bc" / "seed0" / "run.json").read_text())
    assert table.loc[("bc", "lr"), "here"] == str(record["settings"]["method"]["lr"])
    assert r"\toprule" in (tmp_path / "table2.tex").read_text()


def test_hyperparameters_of_the_scale_paper_are_the_papers_but_for_the_estimator(tmp_path):
    """Of runs whose records hold that scale's settings, written by hand."""
    settings, paper = load_experiment("paper"), load_experiment("paper", hyperparameters.PAPERS_OWN)
    ran = [
        (RunGroup(task, "states", method, (0,)), in_full(settings.settings_of_run(method, task)))
        for task in settings.task_names()
        for method in settings.methods
    ]
    table = hyperparameters.table(ran, paper)
    assert table.loc[table[""] == "differs", "setting"].tolist() == ["cost.samples", "cost.estimator"]
    samples = table[(table["part"] == "smiling") & (table["setting"] == "cost.samples")]["paper"].item()
    assert samples.startswith("500 (ball_in_cup_catch, cheetah_run, humanoid_walk); 100 (humanoid_sit")


def test_hyperparameters_of_a_task_and_a_method_that_the_paper_has_not_are_not_compared():
    paper = load_experiment("paper")
    ran = [
        (RunGroup("humanoid_stroll", "states", "smiling", (0,)), {"env_steps": 5, "method": {"reward_std": 1}}),
        (RunGroup("cheetah_run", "states", "sqil", (0,)), {"env_steps": 5}),
    ]
    table = hyperparameters.table(ran, paper)
    assert table["paper"].unique().tolist() == ["-"]
    assert table[""].unique().tolist() == [""]


def test_hyperparameters_without_runs_are_refused(tmp_path):
    assert_refused(run_here("write_table2.py", "--results", tmp_path, *SETTINGS, "--out", tmp_path / "t"), "is missing")


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
    assert "Ball in cup: catch has 8000 of the paper's 400000 steps" in words
    assert "no runs of SMILING, DAC, IQ-Learn on Humanoid: sit" in words
    record = json.loads((tmp_path / "claims.json").read_text())
    assert len(record["verdicts"]) == len(record["claims"]) == 7
    assert all(verdict.startswith("undecided") for verdict in record["verdicts"])
    rows = pd.read_csv(tmp_path / "claims.csv").set_index("comparison")
    scores = {
        method: np.mean([normalised(results, "cheetah_run", method, seed)[1][7:].mean() for seed in range(3)])
        for method in ("smiling", "dac")
    }
    expected = scores["smiling"] - scores["dac"]
    assert rows.loc["cheetah: the end, SMILING - DAC", "value"] == pytest.approx(expected)
    assert rows.loc["the end, SMILING - DAC, cheetah_run", "value"] == pytest.approx(expected)
    assert (tmp_path / "claims.png").read_bytes().startswith(b"\x89PNG")


def test_claims_do_not_apply_to_tasks_outside_the_papers(tmp_path):
    stroll = ("tasks={humanoid_stroll: {env_steps: 2000, expert_steps: 2000}}", "only_tasks=[humanoid_stroll]")
    asked = (*stroll, "methods=[smiling,dac]", "seeds=[0,1]")
    write_returns(tmp_path, experiment(*asked), "humanoid_stroll")
    for method in ("smiling", "dac"):
        for seed in range(2):
            write_run(tmp_path, experiment(*asked), "humanoid_stroll", method, seed, [1.0, 2.0, 3.0])
    run_well("check_claims.py", "--results", tmp_path, *flags(*asked), "--out", tmp_path / "claims", how=run_here)
    verdicts = json.loads((tmp_path / "claims" / "claims.json").read_text())["verdicts"]
    assert set(verdicts) == {"does not apply: none of the paper's tasks is asked for"}
    assert "No claim is about Humanoid: stroll" in (tmp_path / "claims" / "claims.md").read_text()
    assert table_2(tmp_path, tmp_path, *asked)["paper"].unique().tolist() == ["-"]
