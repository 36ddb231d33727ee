"""The DAG: what it plans, what it makes at smoke scale, what an edit makes it do again, what it refuses."""

import json
from pathlib import Path

import pandas as pd
import pytest
from commands import ROOT, copy_tree, planned, snakemake

pytestmark = pytest.mark.long

TASK = "ball_in_cup_catch"
ONE_TASK = [f"only_tasks={TASK}", "seeds=0,1"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A tree in which Figure 3 has been made at smoke scale, for one task."""
    tree = copy_tree(tmp_path_factory.mktemp("workflow") / "tree")
    done = snakemake(tree, "--cores", "2", "figure3", "--config", "scale=smoke", *ONE_TASK)
    assert done.returncode == 0, done.stdout + done.stderr
    return tree


def test_figure_and_all_that_it_needs_are_made(finished):
    figures, results = finished / "figures" / "smoke", finished / "results" / "smoke" / TASK
    assert {path.name for path in figures.iterdir()} == {
        f"figure3.{suffix}" for suffix in ("png", "pdf", "csv", "json")
    }
    drawn = pd.read_csv(figures / "figure3.csv")
    assert set(drawn["method"]) == {"smiling", "dac", "iq_learn", "bc"}
    assert (drawn["seeds"] == 2).all()
    for method in ("smiling", "dac", "iq_learn", "bc"):
        folder = results / "states" / method / "seed1"
        curve = pd.read_csv(folder / "curve.csv")
        assert curve["env_step"].iloc[0] == 0
        assert curve["env_step"].is_monotonic_increasing
        record = json.loads((folder / "run.json").read_text())
        assert record["method"] == method
        assert record["seed"] == 1
        assert record["provenance"]["versions"]["torch"]
    assert not list(finished.glob("results/**/checkpoint.pt"))
    assert not list(finished.glob("results/**/.part-*"))


def test_every_job_leaves_a_log_and_a_benchmark(finished):
    logs = finished / "logs" / "smoke"
    assert len(list(logs.rglob("*.log"))) == len(list(logs.rglob("*.benchmark.tsv"))) == 1 + 1 + 8 + 1
    assert "3000/3000 steps" in (logs / TASK / "states" / "smiling" / "seed0.log").read_text()


def test_second_call_does_nothing(finished):
    again = snakemake(finished, "-n", "figure3", "--config", "scale=smoke", *ONE_TASK)
    assert "Nothing to be done" in again.stdout + again.stderr


def test_seeds_trained_together_leave_what_seeds_alone_leave(finished):
    """The same files for each, and to ask for one of them afterwards makes none anew."""
    config = ("--config", "scale=smoke", f"only_tasks={TASK}", "seeds=2,3", "seeds_together=2", "methods=smiling,bc")
    done = snakemake(finished, "--cores", "2", "runs", *config)
    assert done.returncode == 0, done.stdout + done.stderr
    assert planned(done.stdout + done.stderr) == {"together0": 1, "bc": 2, "runs": 1}
    runs = finished / "results" / "smoke" / TASK / "states"
    for seed in (2, 3):
        record = json.loads((runs / "smiling" / f"seed{seed}" / "run.json").read_text())
        assert (record["seed"], record["seeds"]) == (seed, [2, 3])
    assert "seeds 2, 3" in (finished / "logs" / "smoke" / TASK / "states" / "smiling" / "seeds2_3.log").read_text()
    for fewer in ("seeds=2", "seeds=3"):
        again = snakemake(finished, "-n", "runs", *config, fewer)
        assert "Nothing to be done" in again.stdout + again.stderr


def test_paper_scale_plans_the_whole_figure():
    plan = snakemake(ROOT, "-n", "figure3", "--config", "scale=paper")
    tasks = 6
    assert planned(plan.stdout + plan.stderr) == {
        "expert": tasks,
        "collect": tasks,
        **dict.fromkeys(("smiling", "dac", "iq_learn", "bc"), 5 * tasks),
        "draw_curves": 1,
        "figure3": 1,
    }


@pytest.mark.parametrize(("target", "jobs"), [("experts", {"expert"}), ("demonstrations", {"expert", "collect"})])
def test_other_targets_plan_their_part(target, jobs):
    plan = snakemake(ROOT, "-n", target, "--config", "scale=paper")
    assert planned(plan.stdout + plan.stderr).keys() - {target} == jobs


def test_users_own_demonstrations_take_the_experts_place(demonstrations_file):
    own = f"tasks={{{TASK}: {{demonstrations: {demonstrations_file}}}}}"
    plan = snakemake(ROOT, "-n", "runs", "--config", "scale=smoke", *ONE_TASK, own)
    jobs = planned(plan.stdout + plan.stderr)
    assert jobs["adopt"] == 1
    assert not {"expert", "collect"} & jobs.keys()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("scale=huge", "unknown scale 'huge'; known scales: desk, paper, quick, smoke"),
        ("methods=smiling,gail", "unknown method 'gail'"),
        ("only_tasks=walker_run", "unknown task 'walker_run'"),
        ("tasks={mine: {env: 'nowhere:make'}}", "task 'mine': module 'nowhere' cannot be imported"),
        ("tasks={mine: {env: 'gymnasium:CartPole-v1'}}", "task 'mine' has actions of Discrete(2)"),
        ("tasks={Mine: {env: 'gymnasium:Pendulum-v1'}}", "'Mine' is no name for a task"),
        ("sac={wdith: 3}", "setting 'sac.wdith' is unknown"),
        ("sacs={width: 3}", "setting 'sacs' is unknown"),
        (f"tasks={{{TASK}: {{demonstrations: ~/no such file.npz}}}}", "no such file.npz': there is no such file"),
        ("scale=../../config/scales/smoke", "unknown scale '../../config/scales/smoke'"),
        ("experiment=True", "'experiment' is True"),
        ("replace=perhaps", "setting 'replace' is 'perhaps'"),
        ("experiment=a/b", "setting 'experiment' is 'a/b'"),
    ],
)
def test_invalid_configuration_stops_before_any_job(config, message):
    refused = snakemake(ROOT, "-n", "figure3", "--config", config)  # what is not refused shall not run
    output = refused.stdout + refused.stderr
    assert refused.returncode != 0
    assert message in output
    assert "Traceback" not in output
    assert "Job stats" not in output
