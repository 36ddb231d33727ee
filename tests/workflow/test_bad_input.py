"""A user's mistake gets one sentence and a non-zero exit, and leaves nothing half-written and nothing changed.

Each row of the tables is a command as a user gives it, and what its sentence must say.
"""

import errno
import io
import os
import resource
import socket
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import pytest
import torch
from commands import ROOT, TASK, assert_refused, run, run_here
from finished_runs import experiment, flags, write_returns, write_run

import envs
from smiling import command
from smiling.evidence import figure_style, films, tables
from smiling.runs import checkpoint, divergence, locks
from smiling.runs.artefacts import whole
from smiling.runs.demonstrations import Demonstrations, write_demonstrations
from smiling.runs.folder import CHECKPOINT, RunFolder
from smiling.runs.locks import is_held
from smiling.settings import UserError
from smiling.solvers.policies import write_policy
from smiling.solvers.sac.networks import Actor

IMITATE = ("imitate.py", "--method", "bc", "--seeds", 0)
HUGE = 10**12

# What is given to --set -> what the sentence says: the key, the value and what is allowed.
SETTINGS = [
    ("sac.width=[1", "--set sac.width=[1: that is not YAML (expected ',' or ']'"),
    ("sac.width='1", "is not YAML"),
    ("sac={width: 1", "is not YAML"),
    ("sac=*nothing", "undefined alias"),
    ("sac=!!python/object:os.system", "could not determine a constructor"),
    ("sac.width=\0", "special characters are not allowed"),
    ("experiment=2024-13-45", "is not YAML (month must be in 1..12)"),
    ("sac", "write key=value"),
    ("=3", "write key=value"),
    (".=3", "write key=value"),
    ("sac..batch=3", "write key=value"),
    ("sac.batch.=3", "write key=value"),
    ("sac.wdith=3", "'sac.wdith' is unknown"),
    ("sac.width.units=3", "'sac.width' is {'units': 3}: input should be a valid integer"),
    ("sacs.width=3", "'sacs' is unknown"),
    ("base=paper", "'base' is unknown"),
    ("replace=true", "'replace' is unknown"),
    ("scale=paper", "a scale is chosen by --scale"),
    ("sac=3", "'sac' is 3: input should be a valid dictionary"),
    ("sac=[1, 2]", "'sac' is [1, 2]"),
    ("sac={1: 2}", "keys should be strings"),
    ("sac.width=1e9", "'sac.width' is '1e9': input should be a valid integer"),
    ("sac.width=1.5", "'sac.width' is 1.5"),
    ("sac.width=0", "'sac.width' is 0: input should be greater than or equal to 1"),
    ("sac.width=wide", "'sac.width' is 'wide'"),
    ("sac.width=", "'sac.width' is None"),
    ("sac.batch=1", "'sac.batch' is 1: input should be greater than or equal to 2"),
    ("sac.critic_lr=.nan", "'sac.critic_lr' is nan"),
    ("sac.critic_lr=.inf", "'sac.critic_lr' is inf: input should be a finite number"),
    ("sac.critic_lr=-1", "'sac.critic_lr' is -1"),
    ("training.checkpoint_seconds=.inf", "finite number"),
    ("training.device=tpu", "'training.device' is 'tpu': input should be 'cpu' or 'cuda'"),
    ("training.evaluate_every=1500", "multiple of 1000"),
    ("expert.solver=3", "'expert.solver' is 3"),
    ("expert.solver.wdith=3", "'expert.solver.wdith' is unknown"),
    ("seeds=a", "'seeds.0' is 'a'"),
    ("seeds=-1", "'seeds.0' is -1"),
    ("seeds=[]", "'seeds' is []"),
    ("seeds={}", "'seeds.0' is {}"),
    ("seeds=[[1]]", "'seeds.0' is [1]"),
    ("seeds_together=0", "'seeds_together' is 0"),
    ("tasks=3", "'tasks' is 3"),
    ("tasks.walker_run={env_steps: 1000, expert_steps: 1000}", "unknown task 'walker_run'"),
    ("tasks.cheetah_run.env_steps=1500", "'tasks.cheetah_run.env_steps' is 1500: input should be a multiple of 1000"),
    ("tasks.cheetah_run.demonstrations=3", "'tasks.cheetah_run.demonstrations' is 3"),
    ("tasks.cheetah_run.demonstrations={subsample: 20}", "'tasks.cheetah_run.demonstrations.file' is missing"),
    (
        "tasks.cheetah_run.demonstrations={file: a.npz, every: 20}",
        "'tasks.cheetah_run.demonstrations.every' is unknown",
    ),
    (
        "tasks.cheetah_run.demonstrations={file: a.npz, subsample: 0}",
        "'tasks.cheetah_run.demonstrations.subsample' is 0",
    ),
    (
        "tasks.cheetah_run.demonstrations={file: a.npz, trajectories: 0}",
        "demonstrations.trajectories' is 0: input should",
    ),
    ("tasks.cheetah_run.normalise={expert: 20, random: 20}", "the expert's return (20) must be above random's (20)"),
    ("tasks.cheetah_run.normalise={expert: .nan, random: 20}", "'tasks.cheetah_run.normalise.expert' is nan"),
    ("tasks.cheetah_run.normalise={expert: 3000}", "'tasks.cheetah_run.normalise.random' is missing"),
    ("tasks.cheetah_run.normalise=3", "'tasks.cheetah_run.normalise' is 3"),
    ("only_tasks=walker_run", "unknown task 'walker_run'"),
    ("only_tasks=../cheetah_run", "unknown task '../cheetah_run'"),
    ("only_tasks={a: 1}", "'only_tasks.0' is {'a': 1}"),
    ("methods=gail", "unknown method 'gail'"),
    ("methods=../bc", "unknown method '../bc'"),
    ("methods=smiling-nope", "unknown method 'smiling-nope'"),
    ("methods=3", "'methods.0' is 3"),
    ("method_settings=3", "'method_settings' is 3"),
    ("method_settings.gail.lr=1", "unknown method 'gail'"),
    ("method_settings.smiling=3", "'method_settings.smiling' is 3"),
    ("method_settings.smiling.cost.estimator=best", "input should be 'grid', 'tiled' or 'stein'"),
    ("tasks.cheetah_run.method_steps={gail: 1000}", "unknown method 'gail'"),
    ("experiment=a b", "'experiment' is 'a b': no name for a folder"),
    ("experiment=../elsewhere", "'experiment' is '../elsewhere'"),
    ("experiment=$(touch pwned)", "'experiment' is '$(touch pwned)'"),
    ("experiment=-n", "'experiment' is '-n'"),
    ("experiment=", "'experiment' is None"),
    ("experiment=yes", "'experiment' is True: as YAML reads it"),
    ("experiment=1.10", "'experiment' is 1.1: as YAML reads it"),
    (f"experiment={'a' * 300}", "...aaa"),
    ("experiment=reference", "come with the suite"),
]


def everything(folder: Path) -> dict[Path, bytes | None]:
    """What lies in a folder."""
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.mark.parametrize(("assignment", "said"), SETTINGS)
def test_setting_that_cannot_be(assignment, said, demonstrations_file, tmp_path):
    before = everything(tmp_path)
    given = (*IMITATE, "--task", TASK, "--demonstrations", demonstrations_file, "--out", tmp_path / "out")
    assert_refused(run_here(*given, "--set", assignment), said)
    assert everything(tmp_path) == before


@pytest.mark.parametrize(("written", "name"), [("2024", "2024"), ("2024-01-31", "2024-01-31"), ("'1.10'", "1.10")])
def test_name_that_yaml_reads_as_something_else_is_taken_as_it_is_written(written, name):
    assert experiment(f"experiment={written}").experiment == name


# Arguments beside the demonstrations -> what the sentence says.
ARGUMENTS = [
    (("--task", "walker_run"), "unknown task 'walker_run'; known tasks: ball_in_cup_catch"),
    (("--task", TASK, "--method", "gail"), "unknown method 'gail'; known methods: "),
    (("--task", TASK, "--method", "../methods/bc"), "unknown method '../methods/bc'"),
    (("--task", TASK, "--scale", "huge"), "unknown scale 'huge'; known scales: desk, paper, quick, smoke"),
    (("--task", TASK, "--scale", "../../config/scales/smoke"), "unknown scale '../../config/scales/smoke'"),
    (("--task", TASK, "--scale", ""), "unknown scale ''"),
    (("--task", TASK, "--demonstrations", "nowhere.npz"), "nowhere.npz: no such file"),
    (("--task", "humanoid_walk", "--set", "tasks.humanoid_walk.solver=none"), "'sac' or 'dreamer'"),
]


@pytest.mark.parametrize(("arguments", "said"), ARGUMENTS)
def test_mistake_on_the_command_line(arguments, said, demonstrations_file, tmp_path):
    before = everything(tmp_path)
    given = () if "--demonstrations" in arguments else ("--demonstrations", demonstrations_file)
    assert_refused(run_here(*IMITATE, *given, *arguments, "--out", tmp_path / "out"), said)
    assert everything(tmp_path) == before


# Arguments that argparse refuses: its last line.
USAGE = [
    (("--seeds", "-1"), "'-1' is not a seed: write whole numbers from 0"),
    (("--seeds", "one"), "'one' is not a seed: write whole numbers from 0"),
    (("--seeds", "0.5"), "'0.5' is not a seed"),
    (("--demos-kind", "all"), "no kind of demonstrations is called 'all'; write states, state_actions, or states_20"),
    (("--nonsense",), "unrecognized arguments: --nonsense"),
]


@pytest.mark.parametrize(("arguments", "said"), USAGE)
def test_mistake_in_the_usage(arguments, said, demonstrations_file, tmp_path):
    given = ("--task", TASK, "--demonstrations", demonstrations_file, "--out", tmp_path / "out", *arguments)
    refused = run_here(*IMITATE, *given)
    assert refused.returncode == 2
    assert said in refused.stderr.splitlines()[-1]
    assert not (tmp_path / "out").exists()


# A module of a user's, whose tasks cannot be served, each in its own way.
BAD_TASKS = """
import gymnasium, numpy as np
from gymnasium.spaces import Box, Dict, Discrete, Text

class Task(gymnasium.Env):
    observation_space, action_space = Box(-9, 9, (3,)), Box(-1, 1, (2,))
    shown, reward, ends = np.zeros(3), 0.0, 50

    def __init__(self, **given):
        for name, value in given.items():
            setattr(self, name, value)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return self.shown, {}

    def step(self, action):
        self.steps += 1
        return self.shown, self.reward, self.steps == self.ends, False, {}

class Grows(Task):
    def step(self, action):
        return np.zeros(3 + self.steps), *super().step(action)[1:]

class Late(Task):
    taken = 0

    def step(self, action):
        Late.taken += 1
        if Late.taken == 1500:
            raise SystemExit(0)
        return super().step(action)

def windy(wind): return Task()
def pixels(): return Task(observation_space=Box(0, 255, (84, 84, 3), np.uint8))
def words(): return Task(observation_space=Dict({"said": Text(9)}))
def discrete(): return Task(action_space=Discrete(4))
def boundless(): return Task(action_space=Box(-np.inf, np.inf, (2,)))
def nan(): return Task(shown=np.full(3, np.nan))
def huge(): return Task(shown=np.full(3, 1e200))
def nothing_seen(): return Task(shown=None)
def no_reward(): return Task(reward=np.nan)
def forgets(): return Task(reward=None)
def one_step(): return Task(ends=1)
def number(): return 3
def fails(): raise RuntimeError("the simulator's licence has expired")
def leaves(): raise SystemExit(0)
def endless(): return Task()
"""
# What is said of the task -> what the sentence says.
TASKS = [
    ("{env: Hopper-v5}", "env 'Hopper-v5' names no environment; write gymnasium:Hopper-v5, dm_control:"),
    ("{env: 'gymnasium:Hoper-v5'}", "'gymnasium:Hoper-v5' cannot be made: NameNotFound"),
    ("{env: 'gymnasium:CartPole-v1'}", "has actions of Discrete(2): a Box with bounds is served"),
    ("{env: 'gymnasium:Hopper-v5', kwargs: {wind: 3}}", "cannot be made with kwargs {'wind': 3}: TypeError"),
    ("{env: 'dm_control:acrobat/swingup'}", "cannot be made: ValueError: Domain 'acrobat'"),
    ("{env: 'dm_control:acrobot/fly'}", "cannot be made: ValueError: Level 'fly'"),
    ("{env: 'dm_control:acrobot/swingup', kwargs: {wind: 3}}", "cannot be made with kwargs {'wind': 3}: TypeError"),
    ("{env: 'nowhere:make'}", "module 'nowhere' cannot be imported: ModuleNotFoundError: No module named 'nowhere'"),
    ("{env: 'fails_on_import:make'}", "fails_on_import.py, line 2)"),
    ("{env: 'no_python:make'}", "module 'no_python' cannot be imported: SyntaxError"),
    ("{env: 'bad_tasks:nothing'}", "module 'bad_tasks' has no 'nothing'"),
    ("{env: 'bad_tasks:np'}", "'bad_tasks:np' is no function or class that makes an environment"),
    ("{env: 'bad_tasks:number'}", "gives a int, which is no gymnasium.Env"),
    ("{env: 'bad_tasks:fails'}", "cannot be made: RuntimeError: the simulator's licence has expired"),
    ("{env: 'bad_tasks:leaves'}", "cannot be made: SystemExit: 0 ("),
    ("{env: 'bad_tasks:windy'}", "cannot be made: TypeError: windy() missing 1 required positional argument: 'wind'"),
    ("{env: 'bad_tasks:windy', kwargs: {wind: 1, rain: 2}}", "got an unexpected keyword argument 'rain'"),
    ("{env: 'bad_tasks:endless'}", "does not say after how many steps an episode ends: set tasks.mine.time_limit"),
    ("{env: 'bad_tasks:pixels', time_limit: 9}", "has pixels for observations"),
    ("{env: 'bad_tasks:words', time_limit: 9}", "has observations of Text"),
    ("{env: 'bad_tasks:discrete', time_limit: 9}", "has actions of Discrete(4)"),
    ("{env: 'bad_tasks:boundless', time_limit: 9}", "has actions without bounds"),
    ("{env: 'bad_tasks:nan', time_limit: 9}", "observation nan at place 0 after 0 steps of an episode"),
    (
        "{env: 'bad_tasks:huge', time_limit: 9}",
        "observation 1e+200 at place 0 after 0 steps of an episode: learning takes",
    ),
    ("{env: 'bad_tasks:nothing_seen', time_limit: 9}", "an observation is None, which is not of Box(-9.0, 9.0, (3,)"),
    ("{env: 'bad_tasks:no_reward', time_limit: 9}", "the reward is nan in step 1 of an episode"),
    ("{env: 'bad_tasks:forgets', time_limit: 9}", "are None, False and False in step 1 of an episode: write a number"),
    ("{env: 'bad_tasks:Grows', time_limit: 9}", "sizes must not change"),
    ("{env: 'bad_tasks:one_step', time_limit: 9}", "its episodes end after their first step"),
    (
        "{env: 'bad_tasks:Task', time_limit: 1}",
        "'tasks.mine.time_limit' is 1: input should be greater than or equal to 2",
    ),
    ("{env: 'bad_tasks:Task', time_limit: 9, env_steps: 1500}", "'tasks.mine.env_steps' is 1500"),
    (
        "{env: 'bad_tasks:Task', horizon: 9}",
        "'tasks.mine.horizon' is unknown; known here: absorbing, demonstrations, env",
    ),
    ("{env: [gymnasium, Hopper-v5]}", "'tasks.mine.env' is ['gymnasium', 'Hopper-v5']: input should be a valid string"),
    ("{time_limit: 9, env_steps: 1000, expert_steps: 1000}", "'time_limit' is for a task of your own, which says its"),
    ("{env_steps: 1000, expert_steps: 1000}", "unknown task 'mine'"),
]


@pytest.mark.parametrize(("task", "said"), TASKS)
@pytest.mark.parametrize("script", ["train_expert.py", "imitate.py"])
def test_task_that_cannot_be_served(script, task, said, tmp_path, monkeypatch):
    monkeypatch.setattr(envs, "OWN", {})
    monkeypatch.setattr(sys, "path", [*sys.path])
    for module, text in {"bad_tasks": BAD_TASKS, "fails_on_import": "import math\nmath.no", "no_python": "def"}.items():
        (tmp_path / f"{module}.py").write_text(text)
        monkeypatch.delitem(sys.modules, module, raising=False)
    before = everything(tmp_path)
    more = (*IMITATE[1:], "--demonstrations", "none.npz") if script == "imitate.py" else ()
    given = (script, *more, "--task", "mine", "--set", f"tasks.mine={task}", "--out", tmp_path / "out")
    assert_refused(run_here(*given), said)
    left = {path: content for path, content in everything(tmp_path).items() if "__pycache__" not in path.parts}
    assert left == before


@pytest.mark.long
def test_task_that_fails_after_a_while_is_told_and_its_checkpoint_kept(tmp_path):
    (tmp_path / "bad_tasks.py").write_text(BAD_TASKS)
    task = "tasks.mine={env: 'bad_tasks:Late', time_limit: 60}"
    done = run("train_expert.py", "--task", "mine", "--out", tmp_path / "out", "--set", task)
    assert done.returncode == 1
    assert "error: task 'mine': step " in done.stderr
    assert f"fails: SystemExit: 0 ({tmp_path / 'bad_tasks.py'}, line " in done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "out" / CHECKPOINT).exists()


@pytest.mark.parametrize("damage", ["truncated", "nan"])
def test_damaged_demonstrations(damage, demonstrations_file, tmp_path):
    if damage == "truncated":
        content = demonstrations_file.read_bytes()
        demonstrations_file.write_bytes(content[: len(content) // 2])
    else:
        arrays = dict(np.load(demonstrations_file))
        arrays["observations"][3, 4] = np.nan
        np.savez(demonstrations_file, **arrays)
    out = tmp_path / "out"
    refused = run_here(*IMITATE, "--task", TASK, "--demonstrations", demonstrations_file, "--out", out)
    assert_refused(refused, str(demonstrations_file))
    assert not out.exists()
    adopted = run_here("collect_demonstrations.py", "--task", TASK, "--demos", demonstrations_file, "--out", out)
    assert_refused(adopted, str(demonstrations_file))
    assert not list(out.glob("*"))


def test_output_folder_that_cannot_be_written(demonstrations_file, tmp_path):
    (tmp_path / "file").write_text("in the way")
    given = (*IMITATE, "--task", TASK, "--demonstrations", demonstrations_file)
    for out, said in (("file/out", "choose another output folder"), ("a" * 300, "its name is too long")):
        before = everything(tmp_path)
        assert_refused(run_here(*given, "--out", tmp_path / out), said)
        assert everything(tmp_path) == before
    if os.geteuid() != 0:  # root may write anywhere
        tmp_path.chmod(0o500)
        assert_refused(run_here(*given, "--out", tmp_path / "out"), "permission denied")


# What is asked of demonstrations of 40 states of 8 numbers, two trajectories -> what the sentence says.
OWN = [
    (("--trajectories", 3), "3 trajectories are asked for, but the demonstrations have 2"),
    (("--trajectories", 0), "'demonstrations.trajectories' is 0"),
    (("--subsample", 0), "'demonstrations.subsample' is 0"),
    (("--task", "cheetah_run"), "'observations' has shape (40, 8), this task needs (40, 17)"),
    (("--demos", "."), "a folder without a Minari data set"),
    (("--demos", "nowhere.hdf5"), "no such file"),
]


@pytest.mark.parametrize(("arguments", "said"), OWN)
def test_demonstrations_of_ones_own_that_cannot_be(arguments, said, demonstrations_file, tmp_path):
    given = ("--task", TASK, "--demos", demonstrations_file, "--out", tmp_path / "out", *arguments)
    refused = run_here("collect_demonstrations.py", *given)
    assert_refused(refused, said)
    assert not list((tmp_path / "out").glob("*"))


@pytest.mark.parametrize("part", [("--trajectories", 2), ("--subsample", 5)])
def test_a_part_of_a_file_cannot_be_asked_for_of_a_policys_demonstrations(part, tmp_path):
    given = ("--task", TASK, "--policy", "nowhere.safetensors", "--out", tmp_path / "out", *part)
    assert_refused(run_here("collect_demonstrations.py", *given), f"{part[0]}: of a file that --demos names")
    assert not (tmp_path / "out").exists()


ONE_RUN = (f"only_tasks={TASK}", "methods=dac", "seeds=0")


@pytest.fixture
def results(tmp_path) -> Path:
    """A finished run, of one method on one task with one seed."""
    settings = experiment(*ONE_RUN)
    write_returns(tmp_path / "results", settings, TASK)
    write_run(tmp_path / "results", settings, TASK, "dac", 0, [100, 300, 500, 700])
    return tmp_path / "results"


def draw(results, *arguments, out="figure3"):
    given = ("--figure", "figure3", "--results", results, *flags(*ONE_RUN))
    return run_here("draw_curves.py", *given, "--out", results.parent / out, *arguments)


RUN, RETURNS = f"{TASK}/states/dac/seed0", f"{TASK}/demonstrations/returns.json"
# A file of a finished run, what it holds instead -> what the sentence says.
DAMAGE = [
    (f"{RUN}/run.json", None, "run.json is missing: nothing says how that was made"),
    (f"{RUN}/run.json", "", "run.json is not JSON"),
    (f"{RUN}/run.json", "[]", "run.json is not a JSON object"),
    (f"{RUN}/run.json", "{}", "the settings that it was made under are missing"),
    (f"{RUN}/run.json", "\xff\xfe", "run.json is not"),
    (f"{RUN}/curve.csv", None, "curve.csv is missing: that run has not finished"),
    (f"{RUN}/curve.csv", "", "curve.csv is not a table"),
    (f"{RUN}/curve.csv", "env_step,return\n", "needs the columns env_step and return, and a row"),
    (f"{RUN}/curve.csv", "env_step,return\n0,nan\n", "not finite"),
    (RETURNS, None, "returns.json is missing"),
    (RETURNS, "{}", "returns.json needs the numbers expert_return and random_return"),
    (RETURNS, "", "returns.json is not JSON"),
]


@pytest.mark.parametrize(("file", "content", "said"), DAMAGE)
def test_finished_run_that_is_damaged_is_not_drawn(file, content, said, results):
    if content is None:
        (results / file).unlink()
    else:
        (results / file).write_text(content)
    before = everything(results.parent)
    refused = draw(results)
    assert_refused(refused, said)
    assert len(refused.stderr) < 700  # a sentence, not all settings
    assert everything(results.parent) == before


# --out of what is drawn -> what the sentence says.
OUT = [(".", "names no file"), ("..", "names no file"), ("results/" + "a" * 300, "its name is too long")]


@pytest.mark.parametrize(("out", "said"), OUT)
def test_figure_s_name_that_cannot_be(out, said, results):
    before = everything(results.parent)
    os.chdir(results.parent)
    assert_refused(run_here("write_table2.py", *flags(*ONE_RUN), "--results", results, "--out", out), said)
    assert everything(results.parent) == before


def test_figure_that_there_is_not(results):
    assert_refused(draw(results, "--figure", "figure9"), "unknown figure 'figure9'")


def test_names_of_what_is_drawn_are_kept_whole(results):
    for out in ("figure3.v1", "figure3.v2", "page.png"):
        assert draw(results, out=out).returncode == 0
    suffixes = ("png", "pdf", "csv", "json")
    names = {f"{name}.{suffix}" for name in ("figure3.v1", "figure3.v2", "page") for suffix in suffixes}
    assert {path.name for path in results.parent.iterdir() if path.is_file()} == names


@pytest.fixture(autouse=True)
def _here(monkeypatch, tmp_path):
    """Whatever a command takes for the folder to write into, it is a test's own."""
    monkeypatch.chdir(tmp_path)


def test_methods_that_take_no_steps_are_drawn_alone(tmp_path):
    settings = experiment(f"only_tasks={TASK}", "methods=bc", "seeds=0,1")
    write_returns(tmp_path, settings, TASK)
    for seed in (0, 1):
        write_run(tmp_path, settings, TASK, "bc", seed, [100, 300])
    given = (
        "--results",
        tmp_path,
        *flags(f"only_tasks={TASK}", "methods=bc", "seeds=0,1"),
        "--out",
        tmp_path / "drawn",
    )
    for script in ("draw_curves.py --figure figure3", "summarise.py", "list_runs.py", "draw_page.py"):
        done = run_here(*script.split(), *given)
        assert done.returncode == 0, done.stderr
    assert pd.read_csv(tmp_path / "drawn.csv")["method"].unique().tolist() == ["bc"]


# How it fails to get room -> what the sentence says.
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO, errno.EFBIG])
def test_disk_that_fails_while_writing_leaves_the_old_file(code, tmp_path, capsys):
    path = tmp_path / "curve.csv"
    path.write_text("old")

    def main() -> None:
        with whole(path) as temporary:
            temporary.write_text("ne")
            raise OSError(code, os.strerror(code), str(path))

    with pytest.raises(SystemExit) as ended:
        command.run(main)
    assert ended.value.code == 1
    assert capsys.readouterr().err.startswith(f"error: {path}: ")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@contextmanager
def room(size: int):
    """Files may not become larger than `size` bytes: writing then fails as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def _figure(path: Path) -> None:
    from matplotlib import pyplot as plt

    image, axes = plt.subplots()
    axes.plot(np.random.default_rng(0).normal(size=(200, 40)))
    try:
        figure_style.save(image, path.with_suffix(""), (path.suffix,))
    finally:
        plt.close(image)


def _demonstrations(path: Path) -> None:
    states = np.random.default_rng(0).normal(size=(20_000, 8)).astype(np.float32)
    write_demonstrations(path, Demonstrations(states, np.array([0])))


def _film(path: Path) -> None:
    noise = np.random.default_rng(0).integers(256, size=(30, 256, 256, 3), dtype=np.uint8)
    films.write_video(path, films.Film(list(noise), 12.5, 0.0))


def _table(path: Path) -> None:
    tables.write(pd.DataFrame(np.random.default_rng(0).normal(size=(20_000, 3))), path.with_suffix(""), "Numbers.")


WRITERS = {
    "checkpoint.pt": lambda path: checkpoint.save(path, {}, {"weights": torch.randn(200, 500)}),
    "policy.safetensors": lambda path: write_policy(path, Actor(8, 2, 256, 2, torch.Generator())),
    "curve.csv": _table,
    "figure.png": _figure,
    "figure.pdf": _figure,
    "demonstrations.npz": _demonstrations,
    "film.webm": _film,
}


@pytest.mark.parametrize("kilobytes", [0, 40])
@pytest.mark.parametrize("name", WRITERS)
def test_disk_that_is_full_is_told_and_the_file_before_stays(name, kilobytes, tmp_path, capsys):
    path = tmp_path / name
    path.write_text("old")
    with room(kilobytes * 1024), pytest.raises(SystemExit) as ended:
        command.run(lambda: WRITERS[name](path))
    assert ended.value.code == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("error: ")
    assert "larger than a file may become" in said or "not written whole" in said
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("code", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_on_a_file_system_without_locks_a_file_stands_for_one(code, tmp_path, capsys):
    """Another process is kept out while its holder keeps it fresh; what a killed one left is waited out."""
    place = tmp_path / "run"
    with (
        mock.patch("fcntl.flock", side_effect=OSError(code, os.strerror(code))),
        mock.patch.object(locks, "LEASE_SECONDS", 1.0),
    ):
        with RunFolder({0: place}, {}, 0.0, write_policy) as folder:
            folder.save({"step": 3})
            time.sleep(1.5)
            assert is_held(place)
            with pytest.raises(UserError, match=r"another process is working in .*run; .*remove .*\.lease if there is"):
                locks.take(place, ExitStack())
            left = (place / ".lease").read_text()
        assert folder.load() == {"step": 3}
        assert not is_held(place)
        (place / ".lease").write_text(left.replace(socket.gethostname(), "another-node"))
        with RunFolder({0: place}, {}, 0.0, write_policy):
            assert is_held(place)
    assert f"{place} is on a file system without locks; {place / '.lease'} stands for one" in capsys.readouterr().out


def test_somebody_else_s_results_can_be_looked_at(results):
    """Their folders are not writable, and a process works in one."""
    (results / RUN / ".lock").touch(0o444)
    given = ("status.py", "--results", results, *flags(*ONE_RUN))
    refuse = mock.patch("os.open", side_effect=PermissionError(errno.EACCES, "no"))  # what would write
    with refuse:
        shown = run_here(*given)
    assert shown.returncode == 0, shown.stderr
    assert "1 done" in shown.stdout


def test_folder_that_a_process_holds_is_seen_to_be_held(tmp_path):
    with RunFolder({0: tmp_path}, {}, 0.0, write_policy):
        assert is_held(tmp_path)
    assert not is_held(tmp_path)


def test_unexpected_error_keeps_its_traceback():
    def main() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        command.run(main)


@pytest.mark.parametrize("width", [HUGE, 2**62, 10**23])
def test_network_beyond_the_memory_is_told(width, demonstrations_file, tmp_path):
    given = (*IMITATE, "--task", TASK, "--demonstrations", demonstrations_file, "--out", tmp_path / "out")
    assert_refused(run_here(*given, "--set", f"method_settings.bc.width={width}"), "not enough memory", "smaller")


def test_diverged_training_says_what_and_when():
    said = (
        r"diverged at step 7: critics_loss is nan; lower sac.critic_lr \(now 1e\+30\) or sac.actor_lr \(now 0.001\); "
    )
    with pytest.raises(UserError, match=said), divergence.advised({"sac.actor_lr": 1e-3, "sac.critic_lr": 1e30}):
        raise divergence.NotFinite("critics_loss is nan", 7)
    with pytest.raises(divergence.NotFinite, match="critics_loss is nan"):
        divergence.check_finite({"actor_loss": 0.0, "critics_loss": float("nan")})


@pytest.mark.long
def test_run_that_diverges_stops_and_keeps_the_checkpoint_from_before(demonstrations_file, tmp_path):
    given = ("--task", TASK, "--method", "sqil", "--seeds", 0, "--demonstrations", demonstrations_file)
    done = run("imitate.py", *given, "--out", tmp_path / "out", "--set", "sac.critic_lr=1.0e+30")
    assert done.returncode == 1
    assert done.stderr.startswith("error: training diverged at step 1")
    assert "an action is NaN or infinite; lower sac.critic_lr (now 1e+30), sac.actor_lr" in done.stderr
    assert "Traceback" not in done.stderr
    folder = tmp_path / "out" / "seed0"
    content = (folder / CHECKPOINT).read_bytes()[checkpoint.SIZE :]
    state = torch.load(io.BytesIO(content), weights_only=True)["state"]
    assert state["step"] == 1000
    divergence.check_state(state["solver"], "solver")
    assert not (folder / "curve.csv").exists()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_state_that_is_not_finite_is_named(value):
    weights = torch.tensor([0.0, value])
    with pytest.raises(divergence.NotFinite, match="solver.critics.0 is NaN or infinite"):
        divergence.check_state(
            {"updates": 3, "critics": [weights], "noise": torch.zeros(2, dtype=torch.uint8)}, "solver"
        )


@pytest.mark.parametrize("script", sorted(path.name for path in (ROOT / "src").glob("*.py")))
def test_every_stage_has_help(script):
    done = run_here(script, "--help")
    assert done.returncode == 0
    assert "usage:" in done.stdout
