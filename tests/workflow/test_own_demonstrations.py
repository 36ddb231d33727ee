"""Demonstrations of the user's own through the scripts: adopted, in part, learnt from, exported."""

import json

import numpy as np
import pytest
from commands import TASK, run, run_well

from collect_demonstrations import tell
from smiling.runs.demonstrations import read_demonstrations
from smiling.runs.own_demonstrations import OwnDemonstrations, known_of, read_for

pytestmark = pytest.mark.long


def collected(out, *arguments):
    """What is adopted, and returns.json."""
    said = run_well("collect_demonstrations.py", "--task", TASK, "--out", out, *arguments)
    return read_demonstrations(out / "demonstrations.npz", 8, 2), json.loads((out / "returns.json").read_text()), said


def test_part_of_a_file_keeps_the_returns_of_its_whole_trajectories(demonstrations_file, tmp_path):
    whole = read_demonstrations(demonstrations_file, 8, 2)
    given = ("--demos", demonstrations_file, "--trajectories", 1, "--subsample", 5)
    shown, returns, said = collected(tmp_path / "out", *given)
    assert shown.observations.shape == (4, 8)
    assert "trajectories: 1, of 20 transitions, 0 terminated; shown: 4 states, with actions\n" in said
    assert returns["demonstrations"] == whole.returns()[:1]
    assert returns["expert_return"] == pytest.approx(whole.returns()[0])
    assert returns["lengths"] == [20]
    assert returns["subset"] == {"trajectories": 1, "subsample": 5}
    assert returns["digest"] == shown.digest()
    learnt = ("--task", TASK, "--method", "sqil", "--seeds", 0, "--demonstrations", tmp_path / "out/demonstrations.npz")
    run_well("imitate.py", *learnt, "--out", tmp_path / "run")


def test_hdf5_file_without_rewards_is_learnt_from(tmp_path):
    h5py = pytest.importorskip("h5py", reason="the extra 'minari' is not installed")
    random = np.random.default_rng(0)
    with h5py.File(tmp_path / "mine.hdf5", "w") as file:
        file["observations"] = random.normal(size=(30, 8))
        file["terminals"], file["timeouts"] = np.zeros(30), np.arange(30) % 10 == 9
    shown, returns, said = collected(tmp_path / "out", "--demos", tmp_path / "mine.hdf5")
    assert shown.rewards is None
    assert returns["expert_return"] is None
    assert f"3 trajectories without rewards: give their return, tasks.{TASK}.normalise" in said
    given = ("--task", TASK, "--seeds", 0, "--demonstrations", tmp_path / "mine.hdf5", "--out", tmp_path / "run")
    run_well("imitate.py", "--method", "gmmil", *given)
    refused = run("imitate.py", "--method", "bc", *given)
    assert refused.returncode == 1
    assert "bc from states needs the expert's actions, but the demonstrations" in refused.stderr
    assert "hold no 'actions'; leave it out" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    ("expert", "random", "said"),
    [
        (5.0, 5.0, "the expert is no better than random actions, so that nothing can be normalised"),
        (
            9.0,
            5.0,
            "the trajectories' mean return is 1; curves are normalised by the expert's, 9, of other episodes (2)",
        ),
        (9.0, -99.0, None),
    ],
)
def test_returns_that_do_not_fit_are_told(expert, random, said, capsys):
    returns = {
        "expert_return": expert,
        "random_return": random,
        "demonstrations": [0.0, 2.0],
        "expert_episodes": [9, 9],
    }
    tell(TASK, returns)
    printed = capsys.readouterr().out
    assert "demonstrated returns: 0, 2\n" in printed
    assert ("warning: " + said in printed) if said else ("warning" not in printed)


def test_a_part_is_not_exported(demonstrations_file, tmp_path):
    given = ("--task", TASK, "--demos", demonstrations_file, "--subsample", 3, "--export", "minari")
    refused = run("collect_demonstrations.py", *given, "--out", tmp_path / "out")
    assert refused.returncode == 1
    assert refused.stderr.endswith("leave --subsample out beside it\n")
    assert not (tmp_path / "out").exists()


def test_a_file_with_rows_left_out_is_not_exported(demonstrations_file, tmp_path):
    pytest.importorskip("minari", reason="the extra 'minari' is not installed")
    arrays = dict(np.load(demonstrations_file))
    arrays["next_observations"] = arrays["observations"] + 1
    np.savez(demonstrations_file, **arrays)
    given = ("--task", TASK, "--demos", demonstrations_file, "--export", "minari", "--out", tmp_path / "out")
    refused = run("collect_demonstrations.py", *given)
    assert refused.returncode == 1
    assert f"demonstrations {demonstrations_file}: rows have been left out of trajectory 0" in refused.stderr
    assert not list((tmp_path / "out").iterdir())


def test_digest_follows_the_content(demonstrations_file):
    asked = OwnDemonstrations(file=demonstrations_file)
    once = known_of(asked, TASK).digest
    assert once == read_demonstrations(demonstrations_file, 8, 2).digest() == known_of(asked, TASK).digest
    few = OwnDemonstrations(file=demonstrations_file, subsample=3)
    assert known_of(few, TASK).digest != once
    arrays = dict(np.load(demonstrations_file))
    np.savez(demonstrations_file, **arrays | {"observations": arrays["observations"] + 1})
    assert known_of(asked, TASK).digest == read_demonstrations(demonstrations_file, 8, 2).digest() != once


def test_export_for_minari(demonstrations_file, tmp_path, monkeypatch):
    minari = pytest.importorskip("minari", reason="the extra 'minari' is not installed")
    arrays = dict(np.load(demonstrations_file))
    for rows in (slice(0, 20), slice(20, 40)):
        arrays["next_observations"][rows][:-1] = arrays["observations"][rows][1:]
    np.savez(demonstrations_file, **arrays)
    given = ("--demos", demonstrations_file, "--export", "minari")
    shown, _, said = collected(tmp_path / "out", *given)
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "out" / "minari"))
    assert f"minari.load_dataset('{TASK}-v0')" in said
    loaded = minari.load_dataset(f"{TASK}-v0")
    assert [len(episode) for episode in loaded] == [20, 20]
    again = read_for(tmp_path / "out" / "minari" / f"{TASK}-v0", TASK)
    np.testing.assert_array_equal(again.observations, shown.observations)
