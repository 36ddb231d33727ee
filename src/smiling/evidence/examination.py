"""The paper's claims on an experiment's finished runs, and what keeps these from speaking of the paper's."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from smiling.evidence import finished, paper_claims
from smiling.evidence.claims import Curves, Verdict
from smiling.evidence.curve_figures import FIGURES
from smiling.evidence.figure_style import task_label
from smiling.evidence.finished import RunGroup
from smiling.experiment import ExperimentSettings, load_experiment
from smiling.settings import UserError

DOES_NOT_APPLY = "does not apply: none of the paper's tasks is asked for"


@dataclass(frozen=True)
class Examination:
    """What is found of the claims, and each in words; what keeps the experiment from being the paper's."""

    groups: Sequence[RunGroup]  # whose curves it rests on
    verdicts: Sequence[Verdict]
    said: Sequence[str]
    shortfalls: Sequence[str]
    outside: Sequence[str]  # tasks that no claim is about


def examine(results: Path, settings: ExperimentSettings) -> Examination:
    """The claims on what has finished; tasks whose returns cannot be normalised count in none.

    Raises:
        UserError: if nothing has.
    """
    curves = evidence(results, settings)
    if not curves:
        raise UserError(f"{results} has no finished runs to check claims on; run 'snakemake runs' first")
    not_normalised = finished.without_scale(results, settings, list(dict.fromkeys(group.task for group in curves)))
    counted = {
        (group.demos, group.task, group.method): values
        for group, values in curves.items()
        if group.task not in not_normalised
    }
    outside = [task for task in settings.task_names() if task not in paper_claims.TASKS]
    found, short = paper_claims.examine(counted), shortfalls(settings, load_experiment("paper"))
    applies = len(outside) < len(settings.task_names())
    said = [sentence(verdict, short, applies) for verdict in found]
    return Examination(list(curves), found, said, short, outside)


def evidence(results: Path, settings: ExperimentSettings) -> dict[RunGroup, Curves]:
    """Curves of the methods and tasks of all figures of which every seed has finished, or some where that is enough."""
    groups = (group for drawn in FIGURES.values() for group in finished.there(results, settings, drawn))
    return {group: Curves(*finished.normalised(results, settings, group)) for group in dict.fromkeys(groups)}


def shortfalls(settings: ExperimentSettings, paper: ExperimentSettings) -> list[str]:
    """What keeps curves of this experiment from speaking of the paper's."""
    found, other_settings = [], False
    for task in settings.task_names():
        if task not in paper.tasks:
            continue
        here, there = settings.task(task).env_steps, paper.task(task).env_steps
        if here < there:
            found.append(f"{task_label(task)} has {here} of the paper's {there} steps")
        if len(settings.seeds_of(task)) < len(paper.seeds):
            found.append(f"{task_label(task)} has {len(settings.seeds_of(task))} of {len(paper.seeds)} seeds")
        other_settings |= settings.of_solver(task) != paper.of_solver(task)
    return found + ["networks and settings are not the paper's"] * other_settings


def sentence(verdict: Verdict, short: Sequence[str], applies: bool = True) -> str:
    """The verdict in words."""
    if not applies:
        return DOES_NOT_APPLY
    if not short or verdict.verdict == "undecided":
        return verdict.verdict
    return f"undecided (at this scale: {verdict.verdict})"
