"""The paper's figures of learning curves: which runs each is drawn from."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from smiling import command, methods
from smiling.experiment import ExperimentSettings
from smiling.settings import UserError


@dataclass(frozen=True)
class CurveFigure:
    """Learning curves of the experiment's methods and tasks, unless it names its own."""

    title: str
    demos: str  # a kind of demonstrations
    methods: tuple[str, ...] | None = None
    tasks: tuple[str, ...] | None = None

    def methods_of(self, settings: ExperimentSettings) -> tuple[str, ...]:
        """Names of the methods drawn."""
        return self.methods or settings.methods

    def tasks_of(self, settings: ExperimentSettings) -> tuple[str, ...]:
        """The tasks drawn, a panel each: of its own tasks those that are asked for, which may be none."""
        return tuple(task for task in settings.task_names() if self.tasks is None or task in self.tasks)

    def demos_of(self, method: str) -> str:
        """The folder of `method`'s runs: a method that always sees actions has one kind of runs, under 'states'."""
        return "states" if methods.load(method).sees_actions else self.demos


FIGURES = {
    "figure3": CurveFigure("State-only demonstrations", "states"),
    "figure4": CurveFigure("State-action demonstrations", "state_actions"),
    "figure5": CurveFigure(
        "Linear score models and discriminator", "states", ("smiling-linear", "dac-linear"), ("cheetah_run",)
    ),
}


def figure(name: str) -> CurveFigure:
    """The figure called `name`.

    Raises:
        UserError: for a name that is not in `FIGURES`.
    """
    if name not in FIGURES:
        raise UserError(f"unknown figure '{name}'; known figures of curves: {', '.join(FIGURES)}")
    return FIGURES[name]


def runs_parser(description: str | None) -> argparse.ArgumentParser:
    """Flags of a script that writes what a figure's runs say: `command.parser`'s, --results and --figure."""
    flags = command.parser(description)
    flags.add_argument("--results", type=Path, required=True, help="results folder of the experiment")
    flags.add_argument("--figure", default="figure3", help=f"whose runs: {', '.join(FIGURES)} (default: figure3)")
    return flags
