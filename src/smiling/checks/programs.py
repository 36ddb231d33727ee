"""What the runs of somebody else's program must be: by its rule alone, since nothing else is known of it."""

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from smiling.checks import Outcome, examined, runs
from smiling.checks.watched import other, random_play
from smiling.runs import contract
from smiling.runs.demonstrations import Demonstrations


class Trial(Protocol):
    """A program at work, on demonstrations of its own."""

    method: str

    def demonstrate(self, demonstrations: Demonstrations) -> None:
        """Put others in the place of those that it learns from."""

    def run(self, kind: str = "states") -> tuple[bool, str]:
        """Have it run to the end: whether that went well, and what was printed, or why not in a line."""

    def kill_on_its_way(self) -> bool:
        """Start it and kill it in its middle; False if it was done before."""

    def folder(self, kind: str = "states") -> Path:
        """Of its run."""


def check(trial: Trial) -> Iterator[Outcome]:
    """All rows; those that stand on one that fails are left out."""
    played = random_play(runs.TASK)
    trial.demonstrate(played)
    ran, told = trial.run()
    yield Outcome(runs.RUNS, ran, "" if ran else told)
    if not ran:
        return
    files = examined(runs.FILES, runs.contract_problem, contract.file_problems, trial.folder())
    yield files
    if not files.passes:
        return
    yield examined(
        runs.GRID, runs.contract_problem, contract.grid_problems, trial.folder(), *runs.grid_of(trial.method)
    )
    first = _taken(trial)
    again = examined(runs.AGAIN, _difference, trial, first)
    yield again
    if again.passes:
        yield examined(runs.RESUME, _resume_problem, trial, first)
        yield examined(runs.ACTIONS_UNSEEN, _unseen_problem, trial, first, _other_actions(played))
        yield examined(runs.REWARDS_UNSEEN, _unseen_problem, trial, first, _other_rewards(played))
        trial.demonstrate(played)
    yield examined(runs.WITH_ACTIONS, _with_actions_problem, trial)


def _taken(trial: Trial) -> bytes:
    """The finished curve, its run removed."""
    curve = (trial.folder() / "curve.csv").read_bytes()
    shutil.rmtree(trial.folder())
    return curve


def _difference(trial: Trial, first: bytes) -> str | None:
    ran, told = trial.run()
    if not ran:
        return told
    return None if _taken(trial) == first else "curve.csv differs"


def _resume_problem(trial: Trial, first: bytes) -> str | None:
    """Killed, it starts again or goes on, as it likes, and comes to the same curve. A short one is not killed."""
    trial.kill_on_its_way()
    return _difference(trial, first)


def _unseen_problem(trial: Trial, first: bytes, demonstrations: Demonstrations) -> str | None:
    trial.demonstrate(demonstrations)
    return _difference(trial, first)


def _other_actions(played: Demonstrations) -> Demonstrations:
    return dataclasses.replace(played, actions=-played.require_actions())


def _other_rewards(played: Demonstrations) -> Demonstrations:
    return dataclasses.replace(played, rewards=other(played.rewards))


def _with_actions_problem(trial: Trial) -> str | None:
    ran, told = trial.run("state_actions")
    if ran:
        return runs.contract_problem(contract.problems, trial.folder("state_actions"), *runs.grid_of(trial.method))
    refused = told.startswith("error: ") and "Traceback" not in told
    return None if refused else told
