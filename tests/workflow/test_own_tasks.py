"""Tasks of a user's own from an expert to the page, through Snakemake: a short one, one that terminates, one of
dm_control's that is not the suite's, and one of a module in another folder, which has no picture.
"""

import json
from pathlib import Path

import pandas as pd
import pytest
import yaml
from commands import copy_tree, planned, snakemake

from smiling import methods

pytestmark = pytest.mark.long

MODULE = """
import gymnasium
import numpy as np
from gymnasium.spaces import Box, Dict

class Walk(gymnasium.Env):
    observation_space = Dict({"place": Box(-9, 9, (1, 2), np.float64), "steps": Box(0, 99, (1,), np.int64)})
    action_space = Box(0.0, 3.0, (2,), np.float64)

    def __init__(self, farthest):
        self.farthest = farthest

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.place, self.steps = self.np_random.normal(size=(1, 2)), 0
        return self.seen(), {}

    def step(self, action):
        self.place, self.steps = 0.9 * self.place + 0.3 * (action - 1.5), self.steps + 1
        far = float(np.abs(self.place).max())
        return self.seen(), -far, far > self.farthest, False, {}

    def seen(self):
        return {"place": self.place, "steps": np.array([self.steps])}
"""
TASKS = {
    "hopper": {"env": "gymnasium:Hopper-v5", "absorbing": True},
    "acrobot": {"env": "dm_control:acrobot/swingup"},
    "pendulum": {"env": "gymnasium:Pendulum-v1"},
    "walk": {"env": "outside.tasks:Walk", "kwargs": {"farthest": 2.5}, "time_limit": 60},
}
SEES_STATES = {"hopper": 12, "acrobot": 6, "pendulum": 3, "walk": 3}  # numbers of an observation
DRAWN = ("smiling", "bc")
OTHERS = [name for name in methods.loadable() if name not in DRAWN and not methods.is_external(name)]
SMALL = {
    "scale": "smoke",
    "only_tasks": list(TASKS),
    "tasks": TASKS,
    "own_task": {"env_steps": 1000, "expert_steps": 1000},
    "methods": list(DRAWN),
    "seeds": [0],
    "sac": {"seed_steps": 600},
    "method_settings": {"iq_learn": {"sac": {"seed_steps": 600}}},
}


@pytest.fixture(scope="module")
def places(tmp_path_factory) -> dict[str, Path]:
    """A tree, a folder in which it is called, with the user's module, and another one in which it works."""
    top = tmp_path_factory.mktemp("own_tasks")
    found = {name: top / name for name in ("called", "work")}
    for folder in found.values():
        folder.mkdir()
    (found["called"] / "outside").mkdir()
    (found["called"] / "outside" / "tasks.py").write_text(MODULE)
    (found["called"] / "own.yaml").write_text(yaml.safe_dump(SMALL))
    return {**found, "tree": copy_tree(top / "tree")}


def make(places, *targets):
    """Snakemake, called in one folder, working in another, of a tree in a third."""
    where = ("--snakefile", str(places["tree"] / "Snakefile"), "--directory", str(places["work"]))
    given = ("--configfile", str(places["called"] / "own.yaml"))
    return snakemake(places["called"], *where, *targets, *given, PWD=str(places["called"]), PYTHONPATH="")


@pytest.fixture(scope="module")
def finished(places) -> Path:
    """The folder in which everything has been made."""
    targets = ("figure1", "figure3", "table1", "table2", "leaderboard", "results", "claims", "page")
    others = (f"results/smoke/hopper/states/{name}/seed0/curve.csv" for name in OTHERS)
    done = make(places, "--cores", "1", *targets, *others)
    assert done.returncode == 0, done.stdout + done.stderr
    return places["work"]


def test_every_method_learns_from_episodes_that_terminate(finished):
    assert len(OTHERS) >= 12
    for name in (*OTHERS, *DRAWN):
        run = finished / "results" / "smoke" / "hopper" / "states" / name / "seed0"
        assert pd.read_csv(run / "curve.csv")["return"].notna().all()
        said = json.loads((run / "run.json").read_text())["settings"]["task"]
        assert said == {"env": "gymnasium:Hopper-v5", "kwargs": {}, "time_limit": None, "absorbing": True}


def test_what_is_drawn_and_written_has_every_task(finished):
    figures = finished / "figures" / "smoke"
    assert set(pd.read_csv(figures / "figure3.csv")["task"]) == set(TASKS)
    table = pd.read_csv(figures / "table1.csv").set_index("task")
    assert table["observation"].to_dict() == SEES_STATES
    page = (figures / "index.html").read_text()
    for name in TASKS:
        assert name in page.lower()
    assert (figures / "leaderboard.md").exists()
    assert (figures / "results" / "results.md").exists()


def test_claims_do_not_apply_and_say_so(finished):
    claims = finished / "figures" / "smoke" / "claims"
    said = json.loads((claims / "claims.json").read_text())["verdicts"]
    assert said == ["does not apply: none of the paper's tasks is asked for"] * 7
    assert "No claim is about Hopper, Acrobot, Pendulum, Walk" in (claims / "claims.md").read_text()


def test_films_are_of_tasks_that_have_a_picture_and_the_others_are_named(finished):
    figures = finished / "figures" / "smoke"
    films = {path.name for path in (figures / "figure1").glob("*.webm")}
    assert films == {f"{task}_{actor}.webm" for task in ("hopper", "acrobot") for actor in ("expert", "smiling")}
    left_out = json.loads((figures / "figure1.json").read_text())["left_out"]
    assert left_out == ["task 'walk' has no picture: 'outside.tasks:Walk' has no render mode 'rgb_array'"]
    assert "Not filmed: task &#39;walk&#39; has no picture" in (figures / "index.html").read_text()


def test_demonstrations_are_of_whole_episodes_as_long_as_they_are(finished):
    import numpy as np

    for task, longest in {"hopper": 1000, "acrobot": 1000, "pendulum": 200, "walk": 60}.items():
        shown = np.load(finished / "results" / "smoke" / task / "demonstrations" / "demonstrations.npz")
        lengths = np.diff([*shown["episode_starts"], len(shown["observations"])])
        assert lengths.max() <= longest + 2  # and the steps of an absorbing state
        assert shown["observations"].shape[1] == SEES_STATES[task]


def test_second_call_does_nothing(finished, places):
    again = make(places, "-n", "figure3", "page")
    assert "Nothing to be done" in again.stdout + again.stderr, again.stdout + again.stderr


def test_an_edit_of_the_users_module_makes_its_tasks_anew_and_no_other(finished, places):
    module = places["called"] / "outside" / "tasks.py"
    before = module.read_text()
    module.write_text(before.replace("0.9 *", "0.8 *") + "\n# and a comment\n")
    try:
        jobs = planned((plan := make(places, "-n", "runs")).stdout + plan.stderr)
    finally:
        module.write_text(before)
    assert {name: jobs[name] for name in ("expert", "collect", "smiling", "bc")} == dict.fromkeys(
        ("expert", "collect", "smiling", "bc"), 1
    )
    module.write_text(before + "\n# a comment\n")
    again = make(places, "-n", "runs")
    assert "Nothing to be done" in again.stdout + again.stderr


def test_another_spec_is_another_experiment(finished, places):
    changed = {**SMALL, "tasks": {**TASKS, "walk": {**TASKS["walk"], "time_limit": 50}}}
    (places["called"] / "own.yaml").write_text(yaml.safe_dump(changed))
    try:
        refused = make(places, "-n", "runs")
    finally:
        (places["called"] / "own.yaml").write_text(yaml.safe_dump(SMALL))
    assert refused.returncode != 0
    assert "task.time_limit: 60 there, 50 here" in refused.stdout + refused.stderr
