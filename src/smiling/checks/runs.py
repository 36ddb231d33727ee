"""What the runs of a method of the library must be: whole, the same again, resumable, and of what it may see alone."""

import contextlib
import dataclasses
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor

from smiling import methods, stages
from smiling.checks import Outcome, examined, reward, told
from smiling.checks.watched import Stopped, Watch, offered, random_play, watched
from smiling.experiment import load_experiment
from smiling.reward import LearnedReward, features_of
from smiling.runs import contract
from smiling.runs.demonstrations import Demonstrations, write_demonstrations
from smiling.runs.folder import CHECKPOINT
from smiling.settings import UserError

SCALE, TASK, SEED = "smoke", "ball_in_cup_catch", 0
OTHER_SEED = 1  # trained beside it
# Two episodes, a checkpoint between them. The reward is learnt long before and after it: what is not saved is missed.
STEPS, LEARNS_FROM, REWARD_EVERY = 2000, 900, 900
STOPPED_AFTER = 0.7  # of a run's steps, evaluations among them: in the second episode
FRESH_CHANCE = 67280421310721  # torch's own seed, with which every process begins

RUNS = "a run ends well"
FILES = "curve.csv and run.json"
GRID = "steps of the curve"
AGAIN = "the same seed gives the same run"
RESUME = "stopped, it goes on to the same run"
TOGETHER = "seeds side by side are as alone"
ACTIONS_UNSEEN = "no actions where only states are given"
REWARDS_UNSEEN = "no rewards of the task"
WITH_ACTIONS = "demonstrations with actions, or a refusal"
NAMES = (RUNS, FILES, GRID, AGAIN, RESUME, TOGETHER, ACTIONS_UNSEEN, REWARDS_UNSEEN, WITH_ACTIONS)

ASKED = (  # of the experiment in which a method is checked
    f"only_tasks={TASK}",
    f"seeds={SEED}",
    f"tasks.{TASK}.env_steps={STEPS}",
    f"sac.seed_steps={LEARNS_FROM}",
    f"training.reward_update_every={REWARD_EVERY}",
    "training.checkpoint_seconds=0",
)
ByRule = Callable[[], Path]  # makes the run by the method's rule: its folder


def grid_of(method: str) -> tuple[int | None, int]:
    """Where a run's curve ends (None where a method takes no steps), and steps from one evaluation to the next."""
    settings = load_experiment(SCALE, [*ASKED, f"methods={method}"])
    steps = settings.env_steps(method, TASK) if methods.load(method).takes_steps else None
    return steps, settings.of_training(TASK).evaluate_every


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """No progress reports."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


class Trial:
    """Runs of a method in this process, each in a folder of its own."""

    def __init__(self, method: str, folder: Path) -> None:
        self.method, self.folder = method, folder
        self.settings = load_experiment(SCALE, [*ASKED, f"methods={method}"])
        self.demonstrations = random_play(TASK)

    def run(
        self,
        name: str,
        demonstrations: Demonstrations | None = None,
        kind: str = "states",
        seeds: tuple[int, ...] = (SEED,),
        watch: Watch | None = None,
    ) -> Path:
        """Make the run called `name`, or go on with it; the folder of the first seed."""
        file = self.folder / f"{name}.npz"
        write_demonstrations(file, demonstrations or self.demonstrations)
        torch.manual_seed(FRESH_CHANCE)
        with watched(watch or Watch()), _quiet():
            return stages.imitate(self.settings, self.method, TASK, file, self.folder / name, seeds, kind)[0]

    def reward(self) -> LearnedReward | None:
        """The learned reward that the method offers, fresh."""
        return offered(lambda: self.run("offered"))


def check(trial: Trial, by_rule: ByRule | None = None) -> Iterator[Outcome]:
    """All rows; those that stand on one that fails are left out. The first run is made `by_rule`, if that is given."""
    yield from _check_reward(trial)
    try:
        first = by_rule() if by_rule else trial.run("first")
    except Exception as error:
        yield Outcome(RUNS, False, told(error))
        return
    yield Outcome(RUNS, True)
    yield examined(FILES, contract_problem, contract.file_problems, first)
    yield examined(GRID, contract_problem, contract.grid_problems, first, *grid_of(trial.method))
    watch = Watch()
    again = examined(AGAIN, difference, first, trial.run("again", watch=watch))
    yield again
    if again.passes:
        yield from _compared(trial, first, watch.steps)
    yield examined(WITH_ACTIONS, with_actions_problem, trial)


def _check_reward(trial: Trial) -> Iterator[Outcome]:
    try:
        offers = trial.reward()
    except Exception:  # its first run says it better
        return
    if offers is None:
        yield from (Outcome(row, None, "it offers no reward") for row in reward.NAMES)
    else:
        with _quiet():
            outcomes = list(reward.check(trial.reward, _features(trial.demonstrations, offers)))
        yield from outcomes


def _features(played: Demonstrations, offers: LearnedReward) -> Tensor:
    """What the reward sees of them: states, or states and those after them."""
    states = torch.from_numpy(played.observations)
    following = played.next_observations if offers.transitions else None
    return features_of(states, next_states=None if following is None else torch.from_numpy(following))


def _compared(trial: Trial, first: Path, steps: int) -> Iterator[Outcome]:
    """The rows that compare a run to the `first`."""
    method, played = methods.load(trial.method), trial.demonstrations
    yield examined(RESUME, resume_problem, trial, first, int(STOPPED_AFTER * steps))
    if method.together:
        yield examined(TOGETHER, lambda: difference(first, trial.run("together", seeds=(SEED, OTHER_SEED))))
    else:
        yield Outcome(TOGETHER, None, "it trains each seed by itself")
    if method.sees_actions:
        yield Outcome(ACTIONS_UNSEEN, None, "it always sees actions")
    else:
        yield examined(ACTIONS_UNSEEN, lambda: difference(first, trial.run("actions", without_actions(played))))
    yield examined(REWARDS_UNSEEN, rewards_problem, trial, first)


def contract_problem(problems: Callable[..., list[str]], *arguments: object) -> str:
    """What the contract says of a run, in a line."""
    return "; ".join(problems(*arguments))


def difference(first: Path, second: Path, *files: str) -> str | None:
    """Which of two runs' files differ: curve and policy, if none are named."""
    names = files or ("curve.csv", "policy.safetensors")
    differing = [name for name in names if (first / name).read_bytes() != (second / name).read_bytes()]
    return f"{' and '.join(differing)} differ" if differing else None


def resume_problem(trial: Trial, first: Path, stop_at: int) -> str | None:
    """Stopped between two checkpoints, and begun again from the first of them."""
    try:
        trial.run("stopped", watch=Watch(stop_at=stop_at))
    except Stopped:
        folder = trial.folder / "stopped" / first.name
        if not (folder / CHECKPOINT).exists():
            return "it has saved nothing to go on from when it is stopped"
        return difference(first, trial.run("stopped"))
    return "it goes on when its task stops it"


def without_actions(demonstrations: Demonstrations) -> Demonstrations:
    """As they are where only states are given."""
    return dataclasses.replace(demonstrations, actions=None)


def rewards_problem(trial: Trial, first: Path) -> str | None:
    """Under other rewards of the task, and without those in the demonstrations, it learns the same policy."""
    blind = dataclasses.replace(trial.demonstrations, rewards=None)
    return difference(first, trial.run("rewards", blind, watch=Watch(other_rewards=True)), "policy.safetensors")


def with_actions_problem(trial: Trial) -> str | None:
    """A run that is whole, or a user's error."""
    try:
        folder = trial.run("with_actions", kind="state_actions")
    except UserError:
        return None
    return contract_problem(contract.problems, folder, *grid_of(trial.method))
