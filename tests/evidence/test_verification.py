"""What is drawn is what was asked for: a run of anything else is refused by all that draws, in a sentence."""

import json
import shutil

import numpy as np
import pytest
from commands import ROOT, assert_refused, run_here
from finished_runs import experiment, flags, made_by, write_returns, write_run

from smiling import methods
from smiling.evidence import finished
from smiling.evidence.curve_figures import FIGURES
from smiling.runs.contract import read_record
from smiling.settings import UserError

TASK = "ball_in_cup_catch"
SETTINGS = (f"only_tasks=[{TASK}]", "methods=[smiling,dac]", "seeds=[0,1]")
RETURNS = (1.0, 2.0, 3.0, 4.0)
DRAWING = {
    "draw_curves.py": ("--figure", "figure3"),
    "draw_figure1.py": (),
    "summarise.py": (),
    "check_claims.py": (),
    "list_runs.py": (),
    "draw_page.py": (),
}


@pytest.fixture
def results(tmp_path):
    """Finished runs of two methods with two seeds."""
    settings = experiment(*SETTINGS)
    write_returns(tmp_path / "results", settings, TASK)
    for method in ("smiling", "dac"):
        for seed in (0, 1):
            write_run(tmp_path / "results", settings, TASK, method, seed, RETURNS)
    return tmp_path / "results"


def draw(results, *assignments, script="draw_curves.py"):
    out = results.parent / "drawn"
    return run_here(script, *DRAWING[script], "--results", results, *flags(*SETTINGS, *assignments), "--out", out)


@pytest.mark.parametrize("script", DRAWING)
def test_runs_of_other_settings_are_refused_by_all_that_draws(script, results):
    refused = draw(results, "sac.width=4096", script=script)
    assert_refused(refused, "seed0/run.json", "sac.width: 16 there, 4096 here", "experiment=NAME", "replace=true")
    assert not (results.parent / "drawn").exists()
    assert not list(results.parent.glob("drawn.*"))


def test_curves_that_come_with_the_suite_are_verified(tmp_path):
    given = ("--figure", "figure3", "--results", ROOT / "results" / "reference" / "quick", "--scale", "quick")
    assert_refused(
        run_here("draw_curves.py", *given, "--set", "sac.width=4096", "--out", tmp_path / "f"), "128 there, 4096"
    )


def test_runs_that_share_their_bits_with_other_machines_are_told_apart_and_not_refused(results):
    alone = {"bits": {"alike": "this machine's own"}}
    write_run(results, experiment(*SETTINGS, "training.bits=own"), TASK, "dac", 1, RETURNS, says=alone)
    drawn = draw(results)
    assert drawn.returncode == 0, drawn.stderr
    assert "note: made differently among its 4 runs: " in drawn.stdout
    assert "2 kinds of bits" in drawn.stdout


def test_a_seed_of_another_setting_is_refused(results):
    write_run(results, experiment(*SETTINGS, "method_settings.dac.penalty=5"), TASK, "dac", 1, RETURNS)
    assert_refused(draw(results), "dac/seed1/run.json", "method.penalty: 5.0 there, 10.0 here")


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"task": "cheetah_run"}, "task: 'cheetah_run' there, 'ball_in_cup_catch' here"),
        ({"method": "smiling"}, "method: 'smiling' there, 'dac' here"),
        ({"demos_kind": "state_actions"}, "demos_kind: 'state_actions' there, 'states' here"),
        ({"seed": 0}, "seed: 0 there, 1 here"),
        ({"demonstrations": "f" * 16}, "demonstrations: 'ffffffffffffffff' there"),
        ({"curve": "f" * 16}, "curve: 'ffffffffffffffff' there"),
        ({"settings": None}, "the settings that it was made under are missing"),
    ],
)
def test_a_run_of_something_else_is_refused(said, message, results):
    write_run(results, experiment(*SETTINGS), TASK, "dac", 1, RETURNS, says=said)
    assert_refused(draw(results), "dac/seed1/run.json", message)


@pytest.mark.parametrize(
    ("content", "message"), [(None, "is missing"), ("{", "is not JSON"), ("[]", "is not a JSON object")]
)
def test_a_run_that_does_not_say_what_it_is_is_refused(content, message, results):
    record = results / TASK / "states" / "dac" / "seed1" / "run.json"
    record.unlink()
    if content is not None:
        record.write_text(content)
    assert_refused(draw(results), "dac/seed1/run.json", message)


def test_returns_of_other_demonstrations_are_refused(results):
    write_returns(results, experiment(*SETTINGS, "expert.trajectories=3"), TASK)
    assert_refused(draw(results), "returns.json", "expert.trajectories: 3 there, 2 here")
    write_returns(results, experiment(*SETTINGS, "expert.evaluation_episodes=7"), TASK)
    assert_refused(draw(results), "returns.json", "expert.evaluation_episodes: 7 there, 1 here")


def test_settings_that_change_no_result_may_differ(results):
    assert draw(results, "training.checkpoint_seconds=5", "training.overlap=false").returncode == 0


def test_runs_that_were_made_differently_are_drawn_and_it_is_said(results):
    settings = experiment(*SETTINGS)
    assert "note:" not in draw(results).stdout
    other = made_by(torch="2.14.0", processor="another")
    said = {"provenance": made_by(commit="beef"), "code": "other", "bits": {"alike": "this machine's own"}}
    write_run(results, settings, TASK, "dac", 1, RETURNS, says=said)
    write_run(results, settings, TASK, "dac", 0, RETURNS, says={"provenance": other})
    done = draw(results)
    assert done.returncode == 0, done.stderr
    expected = "2 commits, 2 sets of packages, 2 kinds of machine, 2 kinds of bits"
    assert f"note: made differently among its 4 runs: {expected}" in done.stdout
    made = json.loads((results.parent / "drawn.json").read_text())["made_by"]
    assert (made["runs"], made["of_other_code"]) == (4, 1)
    assert made["commits"] == {"c0ffee": 3, "beef": 1}
    assert sorted(made["machines"].values()) == [1, 3]
    assert made["bits"] == {"every x86-64 with AVX2": 3, "this machine's own": 1}


@pytest.fixture
def theirs(results, tmp_path, monkeypatch):
    """Runs of an external program, whose rule's file names it."""
    rules = tmp_path / "methods"
    rules.mkdir()
    (rules / "theirs.smk").write_text('"""Their Method: from elsewhere."""\n')
    monkeypatch.setattr(methods, "RULES", rules)
    for seed in (0, 1):
        write_run(
            results, experiment(*SETTINGS), TASK, "theirs", seed, RETURNS, says={"settings": {"lr": 0.1}, "code": None}
        )
    return finished.RunGroup(TASK, "states", "theirs", (0, 1))


def test_an_external_program_is_called_what_its_rule_says(theirs, results):
    assert methods.label("theirs") == "Their Method"
    write_run(results, experiment(*SETTINGS), TASK, "theirs", 1, RETURNS, says={"label": "Other"})
    with pytest.raises(UserError, match="label: 'Other' there, 'Their Method' here"):
        finished.records(results, experiment(*SETTINGS), theirs)


def test_seeds_of_an_external_program_have_the_same_settings(theirs, results):
    assert len(finished.records(results, experiment(*SETTINGS), theirs)) == 2
    write_run(results, experiment(*SETTINGS), TASK, "theirs", 1, RETURNS, says={"settings": {"lr": 0.2}})
    with pytest.raises(UserError, match=r"seed1/run.json is not of one kind .*settings.lr: 0.2 there, 0.1 here"):
        finished.records(results, experiment(*SETTINGS), theirs)


def test_an_external_program_need_not_say_what_the_suite_knows(theirs, results):
    run_folder = results / TASK / "states" / "theirs" / "seed1"
    (run_folder / "run.json").write_text(json.dumps({"settings": {"lr": 0.1}}))
    assert len(finished.records(results, experiment(*SETTINGS), theirs)) == 2
    steps, values = finished.normalised(results, experiment(*SETTINGS), theirs)
    assert steps.tolist() == [0, 1000, 2000, 3000]
    np.testing.assert_allclose(values[0], (np.array(RETURNS) - 100) / 800)


def test_a_folder_that_is_moved_is_noticed(results):
    """A run copied under another method's or task's name is not taken for it."""
    folder = results / TASK / "states"
    shutil.rmtree(folder / "dac")
    shutil.copytree(folder / "smiling", folder / "dac")
    groups = finished.planned(experiment(*SETTINGS), FIGURES["figure3"])
    with pytest.raises(UserError, match="method: 'smiling' there, 'dac' here"):
        finished.records(results, experiment(*SETTINGS), groups[1])
    assert read_record(folder / "dac" / "seed0" / "run.json")["method"] == "smiling"
