"""The contract of a run, and what check_method says of methods and programs that keep it and that break it.

Every row of the table in docs/add-a-method.md has something broken here that this row alone catches.
"""

import json
import re
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from commands import ROOT, check_methods, copy_tree

from check_method import FILE, RULE, check, reason
from smiling import methods
from smiling.checks import programs, reward, runs
from smiling.reward import LearnedReward
from smiling.runs import contract
from smiling.runs.demonstrations import write_demonstrations
from smiling.settings import UserError


def failing(outcomes):
    """Rows that fail, with what is said."""
    return {found.row: found.detail for found in outcomes if found.passes is False}


def test_the_documents_table_is_what_is_checked():
    table = (ROOT / "docs" / "add-a-method.md").read_text().split("## What is checked")[1].split("\n## ")[0]
    rows = re.findall(r"^\| ([^|]+?) +\|", table, re.MULTILINE)[1:]
    assert rows == [FILE, RULE, *reward.NAMES, *runs.NAMES]


# Learned rewards, one fault each


class Right(LearnedReward):
    """Distance to the learner's mean, with noise of its own."""

    def __init__(self):
        self.generator = torch.Generator().manual_seed(0)
        self.weights = torch.linspace(1, 2, 8)

    def update(self, draw):
        self.mean = draw(100).mean(0)
        return {"mean": self.mean.mean().item()}

    def pointwise(self, features):
        noise = torch.randn(len(features), generator=self.generator, device=features.device)
        return -(self.weights * (features - self.mean).square()).sum(-1) + 0.01 * noise

    def in_batch(self, rewards):
        return (rewards - rewards.mean()) / (1 + rewards.std())


class OneStateWithoutShape(Right):
    def pointwise(self, features):
        return super().pointwise(features).squeeze()


class Doubles(Right):
    def pointwise(self, features):
        return super().pointwise(features).double()


class OnTorchsDevice(Right):
    def pointwise(self, features):
        return super().pointwise(features) + torch.ones(len(features))


class NothingAtZero(Right):
    def pointwise(self, features):
        return super().pointwise(features) + (features / features.norm(dim=-1, keepdim=True)).sum(-1)


class DividesBySpread(Right):
    def in_batch(self, rewards):
        return (rewards - rewards.mean()) / rewards.std()


class ChangesStates(Right):
    def pointwise(self, features):
        return super().pointwise(features.mul_(0.5))


class ChangesRewards(Right):
    def in_batch(self, rewards):
        return rewards.sub_(rewards.mean())


class DependsOnPlace(Right):
    def pointwise(self, features):
        return super().pointwise(features) + torch.arange(len(features), device=features.device) / len(features)


class DependsOnOthers(Right):
    def pointwise(self, features):
        return super().pointwise(features - features.mean(0))


class DrawsFromTorch(Right):
    def __init__(self):
        super().__init__()
        self.weights = torch.rand(8)


class DrawsFromNumPy(Right):
    def update(self, draw):
        self.weights = torch.from_numpy(np.random.uniform(1, 2, 8).astype(np.float32))  # noqa: NPY002
        return super().update(draw)


@pytest.mark.parametrize(
    ("build", "row", "said"),
    [
        (OneStateWithoutShape, reward.SHAPE, "pointwise gives () of torch.float32 for states (1, 8)"),
        (Doubles, reward.SHAPE, "torch.float64"),
        (OnTorchsDevice, reward.DEVICE, "without naming the states' device"),
        (NothingAtZero, reward.FINITE, "pointwise gives nan for states of zeros"),
        (DividesBySpread, reward.FINITE, "in_batch gives nan for equal rewards"),
        (ChangesStates, reward.INPUT, "pointwise changes the states"),
        (ChangesRewards, reward.INPUT, "in_batch changes the rewards"),
        (DependsOnPlace, reward.ORDER, "another reward in another order"),
        (DependsOnOthers, reward.ORDER, "another reward with other states beside it"),
        (DrawsFromTorch, reward.RANDOMNESS, "use a generator of its seed"),
        (DrawsFromNumPy, reward.RANDOMNESS, "use a generator of its seed"),
    ],
)
def test_a_broken_reward_is_caught_by_one_row(build, row, said):
    states = torch.randn(200, 8, generator=torch.Generator().manual_seed(0))
    assert failing(reward.check(Right, states)) == {}
    found = failing(reward.check(build, states))
    assert list(found) == [row]
    assert said in found[row]


def test_a_reward_that_raises_fails_where_it_raises():
    class Raises(Right):
        def pointwise(self, features):
            return super().pointwise(features)[:, 0]

    found = failing(reward.check(Raises, torch.zeros(50, 8)))
    assert found[reward.SHAPE].startswith("IndexError: too many indices")


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in methods.bases() if name in ("smiling", "dac", "diffail")])
def test_the_suites_own_rewards_pass(name, tmp_path):
    trial = runs.Trial(name, tmp_path)
    rows = list(runs._check_reward(trial))
    assert [row.row for row in rows if row.passes] == [*dict.fromkeys(row.row for row in rows)]
    assert len(rows) == len(reward.NAMES)


# Methods of the library

FRAME = """
import torch
from smiling.imitation import run_with_reward, train
from smiling.methods import Method
from smiling.reward import LearnedReward
from smiling.settings import Settings
from smiling.solvers.sac.agent import SAC


class Reward(LearnedReward):
    def __init__(self, features, settings, seed):
        self.expert, self.generator = features.mean(0), torch.Generator(features.device).manual_seed(seed)

    def update(self, draw):
        self.learner = draw(100).mean(0)
        return {{}}

    def pointwise(self, features):
        return (features - self.learner).abs().sum(-1) - (features - self.expert).abs().sum(-1)

    def state_dict(self):
        return {{**super().state_dict(), "learner": self.learner}} if hasattr(self, "learner") else super().state_dict()

    def load_state_dict(self, saved):
        super().load_state_dict(saved)
        if "learner" in saved:
            self.learner = saved["learner"]


def run(imitation):
    run_with_reward(imitation, Reward)


{fault}
METHOD = Method("Broken", Settings, run, together=True)
"""
LIBRARY = {
    "right": ("", None, ""),
    "forgets": (
        """
class Forgets(Reward):
    def __init__(self, *what):
        super().__init__(*what)
        self.learner = torch.zeros_like(self.expert)
    def state_dict(self):
        return {}
    def load_state_dict(self, saved):
        pass
def run(imitation):
    run_with_reward(imitation, Forgets)
""",
        runs.RESUME,
        "policy.safetensors differ",
    ),
    "peeks": (
        """
def run(imitation):
    actions = imitation.demonstrations.actions
    class Peeks(Reward):
        def pointwise(self, features):
            return super().pointwise(features) + (0 if actions is None else float(actions[0, 0]))
    run_with_reward(imitation, Peeks)
""",
        runs.ACTIONS_UNSEEN,
        "policy.safetensors differ",
    ),
    "uses_rewards": (
        """
def run(imitation):
    from envs import sizes
    train(imitation, SAC(*sizes(imitation.task), imitation.solver_settings, imitation.solver_seeds()))
""",
        runs.REWARDS_UNSEEN,
        "policy.safetensors differ",
    ),
    "shares": (
        """
def run(imitation):
    class Shares(Reward):
        def pointwise(self, features):
            return super().pointwise(features) * len(imitation.seeds)
    run_with_reward(imitation, Shares)
""",
        runs.TOGETHER,
        "policy.safetensors differ",
    ),
}


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A folder of methods in which files can be put, beside the suite's own."""
    folder = tmp_path / "methods"
    shutil.copytree(methods.FILES, folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(methods, "FILES", folder)
    monkeypatch.setattr(methods, "__path__", [*methods.__path__, str(folder)])
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", LIBRARY)
def test_a_broken_method_of_the_library_is_caught_by_one_row(name, library, tmp_path):
    fault, row, said = LIBRARY[name]
    (library / f"broken_{name}.py").write_text(FRAME.format(fault=fault))
    outcomes = list(runs.check(runs.Trial(f"broken_{name}", tmp_path / "runs")))
    assert {found.row for found in outcomes} == {*reward.NAMES, *runs.NAMES}
    found = failing(outcomes)
    assert list(found) == ([] if row is None else [row]), found
    assert row is None or said in found[row]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1", "defines no METHOD = Method"),
        ("METHOD = {}", "defines no METHOD = Method"),
        ("def f(:", "line 1: SyntaxError"),
        ("import numpyy", "line 1: ModuleNotFoundError: No module named 'numpyy'"),
        ("\n\nraise KeyError('a')", "line 3: KeyError: 'a'"),
        (
            "from smiling.settings import Settings\nfrom smiling.methods import Method\n"
            "class S(Settings):\n    lr: float\nMETHOD = Method('M', S, print)",
            "S must have a valid default for lr",
        ),
    ],
)
def test_a_file_that_is_no_method_is_an_error_only_where_it_is_asked_for(text, said, library, tmp_path):
    name = f"no_method_{abs(hash(text))}"
    (library / f"{name}.py").write_text(text)
    with pytest.raises(UserError) as refused:
        methods.load(name)
    assert said in str(refused.value)
    assert f"{name}.py" in str(refused.value)
    assert "smiling" in methods.names()
    assert name not in methods.names()
    with pytest.raises(UserError, match="unknown method 'gail'; known methods: "):
        methods.load("gail")
    (found,) = check(tmp_path, name, tmp_path)
    assert (found.row, found.passes, found.detail) == (FILE, False, str(refused.value))


def test_a_method_without_a_rules_file_is_told_so(library, tmp_path):
    (library / "no_rule.py").write_text(FRAME.format(fault=""))
    *_, found = check(tmp_path, "no_rule", tmp_path)
    assert (found.row, found.passes) == (RULE, False)
    assert found.detail == "workflow/rules/methods/no_rule.smk is missing: nothing says how it is run"


# Somebody else's program: right, but for the fault that it is given

PROGRAM = """
import argparse, json, sys, time
from pathlib import Path
import numpy as np

flags = argparse.ArgumentParser()
flags.add_argument("--fault")
flags.add_argument("--demos")
flags.add_argument("--demonstrations")
flags.add_argument("--out", type=Path)
options = flags.parse_args()
fault, out = options.fault, options.out
if fault == "refuses_badly" and options.demos == "state_actions":
    raise NotImplementedError("actions")
if options.demos == "state_actions":
    print("error: this method sees no actions; leave it out there", flush=True)
    sys.exit(1)
values = [1.0, 2.0, 3.0]
if fault == "nondeterministic":
    values[2] = time.time()
if fault == "forgetful":
    begun = out / "begun"
    values[2] += begun.exists()
    begun.touch()
    time.sleep(0.5)
with np.load(options.demonstrations) as played:
    if fault == "sees_actions":
        values[1] += float(played["actions"][0, 0])
    if fault == "sees_rewards":
        values[1] += float(played["rewards"].sum())
grid = [0, 1000, 1999 if fault == "other_steps" else 2000]
if fault != "no_curve":
    (out / "curve.csv").write_text("env_step,return\\n" + "".join(f"{a},{b}\\n" for a, b in zip(grid, values)))
made = "our program" if fault == "other_types" else {}
(out / "run.json").write_text(json.dumps({"settings": {}, "wall_seconds": 1.0, "provenance": made}))
if fault == "ends_with_3":
    print("done")
    sys.exit(3)
"""
PROGRAMS = {
    "right": (None, ""),
    "ends_with_3": (runs.RUNS, "it ended with exit code 3; its log ends with: done"),
    "no_curve": (runs.FILES, "curve.csv is missing"),
    "other_types": (runs.FILES, "run.json: 'provenance' is 'our program'; it should be an object"),
    "other_steps": (runs.GRID, "env_step must be 0, 1000, 2000, ... up to 2000"),
    "nondeterministic": (runs.AGAIN, "curve.csv differs"),
    "forgetful": (runs.RESUME, "curve.csv differs"),
    "sees_actions": (runs.ACTIONS_UNSEEN, "curve.csv differs"),
    "sees_rewards": (runs.REWARDS_UNSEEN, "curve.csv differs"),
    "refuses_badly": (runs.WITH_ACTIONS, "NotImplementedError: actions"),
}


class Direct:
    """A program at work without Snakemake."""

    def __init__(self, tree, fault):
        self.tree, self.method = tree, "theirs"
        self.program = tree / "program.py"
        self.program.write_text(PROGRAM)
        self.fault = fault

    def folder(self, kind="states"):
        return self.tree / kind

    def demonstrate(self, demonstrations):
        write_demonstrations(self.tree / "own.npz", demonstrations)

    def start(self, kind):
        self.folder(kind).mkdir(exist_ok=True)
        given = ("--fault", self.fault, "--demos", kind, "--demonstrations", self.tree / "own.npz")
        call = [sys.executable, self.program, *given, "--out", self.folder(kind)]
        return subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def run(self, kind="states"):
        process = self.start(kind)
        output, _ = process.communicate()
        ended = f"non-zero exit status {process.returncode}\nits log run.log ends:\n    {output.splitlines()[-1:]}"
        ended = ended.replace("['", "").replace("']", "")
        return process.returncode == 0, reason(f"{output}\n{ended}")

    def kill_on_its_way(self):
        process = self.start("states")
        while not (self.folder() / "begun").exists() and process.poll() is None:
            time.sleep(0.01)
        process.kill()
        process.communicate()


@pytest.mark.long
@pytest.mark.parametrize("fault", PROGRAMS)
def test_a_broken_program_is_caught_by_one_row(fault, tmp_path, monkeypatch):
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "theirs.smk").write_text('"""Theirs."""')
    monkeypatch.setattr(methods, "RULES", rules)
    row, said = PROGRAMS[fault]
    found = failing(programs.check(Direct(tmp_path, fault)))
    assert list(found) == ([] if row is None else [row]), found
    assert row is None or said in found[row]


RULE_OF_PROGRAM = """
rule {name}:
    input:
        demonstrations=f"{{DEMOS}}/demonstrations.npz",
    output:
        **named_files(RUN, "curve.csv", "run.json"),
    log:
        f"logs/{{RUN_NAME}}.log",
    wildcard_constraints:
        method="{name}",
    shell:
        "python src/program.py --fault {name} --demos {{wildcards.demos}} --demonstrations {{input.demonstrations}} "
        "--out $(dirname {{output.run}}) 2>&1 | tee -i {{log}}"
"""


@pytest.mark.slow
def test_programs_are_checked_by_their_rules(tmp_path):
    tree = copy_tree(tmp_path / "tree")
    (tree / "src" / "program.py").write_text(PROGRAM)
    for name in ("right", "ends_with_3"):
        (tree / "workflow" / "rules" / "methods" / f"{name}.smk").write_text(RULE_OF_PROGRAM.format(name=name))
    done, said = check_methods(tree, "right", "ends_with_3")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "FAILS" not in said["right"], said["right"]
    assert said["right"].count("passes") == 9, said["right"]
    assert "FAILS   a run ends well: it ended with exit code 3; its log ends with: done" in said["ends_with_3"]


@pytest.fixture
def run(tmp_path):
    """A run that keeps the contract."""
    record = {"settings": {}, "wall_seconds": 1.0, "provenance": {}}
    (tmp_path / "run.json").write_text(json.dumps(record))
    (tmp_path / "curve.csv").write_text("env_step,return\n0,1\n1000,2\n2000,3\n")
    return tmp_path


def test_run_that_keeps_the_contract_has_no_problems(run):
    assert contract.problems(run, 2000, 1000) == []


@pytest.mark.parametrize(
    ("file", "content", "problem"),
    [
        ("curve.csv", None, "curve.csv is missing"),
        ("curve.csv", "", "is not a table"),
        ("curve.csv", "step,return\n0,1\n", "lacks the column env_step"),
        ("curve.csv", "env_step,return\n0,1\n1000,nan\n2000,3\n", "not a finite number"),
        ("curve.csv", "env_step,return\n0,1\n1000,high\n2000,3\n", "not a finite number"),
        ("curve.csv", "env_step,return\n1000,1\n2000,2\n", "must begin at 0 and rise"),
        ("curve.csv", "env_step,return\n0,1\n2000,2\n", "must be 0, 1000, 2000, ... up to 2000"),
        ("curve.csv", "env_step,return\n0,1\n1000,2\n", "up to 2000"),
        ("run.json", None, "run.json is missing"),
        ("run.json", "{", "is not JSON"),
        ("run.json", "[]", "is not a JSON object"),
        ("run.json", '{"settings": {}, "provenance": {}}', "lacks 'wall_seconds'"),
    ],
)
def test_each_breach_of_the_contract_is_named(run, file, content, problem):
    (run / file).unlink()
    if content is not None:
        (run / file).write_text(content)
    (found,) = contract.problems(run, 2000, 1000)
    assert problem in found
