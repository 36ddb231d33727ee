"""The paper's choices, tried: what each of them is, what else it could be, and the runs that tell."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from smiling.evidence import finished, statistics
from smiling.evidence.finished import RunGroup
from smiling.experiment import ExperimentSettings
from smiling.runs import demonstration_kinds
from smiling.settings import UserError

METHOD, DEMOS = "smiling", "states"  # whose choices they are
AS_SET = "as set"


class Value(NamedTuple):
    """What a choice can be, and the runs of it: a variant of the method, a kind of demonstrations."""

    name: str
    method: str = METHOD
    demos: str = DEMOS

    def is_of(self, group: RunGroup) -> bool:
        """Whether these are its runs."""
        return (group.method, group.demos) == (self.method, self.demos)


@dataclass(frozen=True)
class Choice:
    """A choice: what the experiment has, by its settings on a task, and what else is tried."""

    name: str
    as_set: Callable[[ExperimentSettings, str], str]
    others: tuple[Value, ...]

    def values(self, settings: ExperimentSettings, task: str) -> list[Value]:
        """The experiment's own first; without what is the same there, or cannot be had."""
        own = settings.of_method(METHOD, task)
        told = Value(f"{self.as_set(settings, task)} ({AS_SET})")
        return [told, *(other for other in self.others if _tells(settings, task, other, own))]


def _tells(settings: ExperimentSettings, task: str, other: Value, own: object) -> bool:
    """Whether the runs differ from the experiment's own; a file of the user's own has the trajectories that it has."""
    trajectories = demonstration_kinds.parse(other.demos).trajectories
    if trajectories is not None:
        return settings.task(task).demonstrations is None and trajectories != settings.expert.trajectories
    return other.demos != DEMOS or settings.of_method(other.method, task) != own


def _variant(name: str, variant: str) -> Value:
    return Value(name, f"{METHOD}-{variant}")


def _trajectories(settings: ExperimentSettings, task: str) -> str:
    return "the file's" if settings.task(task).demonstrations else str(settings.expert.trajectories)


def _reward(settings: ExperimentSettings, task: str) -> str:
    std = settings.of_method(METHOD, task).reward_std
    return "as it is" if std is None else f"mean 0, deviation {std:g}"


CHOICES = (
    Choice(
        "Samples of a cost",
        lambda settings, task: f"{settings.of_method(METHOD, task).cost.samples}",
        (_variant("4", "samples_4"), _variant("500", "samples_500")),
    ),
    Choice(
        "Times and noises",
        lambda settings, task: settings.of_method(METHOD, task).cost.estimator,
        (_variant("grid of 100", "grid_100"), _variant("authors' pairing, 100", "tiled_100")),
    ),
    Choice(
        "Range of times",
        lambda settings, task: "{:g} to {:g}".format(*settings.of_method(METHOD, task).cost.span),
        (_variant("0 to 0.1", "little_noise"), _variant("0.1 to 1", "much_noise")),
    ),
    Choice("Reward", _reward, (_variant("as it is", "raw_reward"),)),
    Choice(
        "Width of score models",
        lambda settings, task: f"{settings.of_method(METHOD, task).score_model.width}",
        (_variant("64", "width_64"), _variant("1024", "width_1024")),
    ),
    Choice(
        "Passes an update",
        lambda settings, task: f"{settings.of_method(METHOD, task).passes_per_update}",
        (_variant("4", "passes_4"),),
    ),
    Choice("Trajectories shown", _trajectories, (Value("1", demos="states_1"), Value("20", demos="states_20"))),
    Choice("What is shown", lambda settings, task: "states", (Value("states, actions", demos="state_actions"),)),
)


def planned(settings: ExperimentSettings) -> list[RunGroup]:
    """All runs, each once."""
    groups = (
        RunGroup(task, value.demos, value.method, settings.seeds_of(task))
        for task in settings.task_names()
        for choice in CHOICES
        for value in choice.values(settings, task)
    )
    return list(dict.fromkeys(groups))


def scores(results: Path, settings: ExperimentSettings) -> pd.DataFrame:
    """A row for each seed of each value, on each task: columns task, choice, value, own, method, demos, seed, final.

    `own` are the experiment's. A value without a run is left out where seeds may be missing.

    Raises:
        UserError: naming a run that is missing, damaged, or not the one that is asked for; if there is none.
    """
    found: dict[RunGroup, pd.DataFrame] = {}
    for group in there(results, settings):
        found[group] = finished.scores_of(results, settings, [group])[["seed", "final"]]
    rows = []
    for task in settings.task_names():
        for choice in CHOICES:
            values = choice.values(settings, task)
            for value in values:
                said = {"task": task, "choice": choice.name, "value": value.name, "own": value is values[0]}
                mine = [table for group, table in found.items() if group.task == task and value.is_of(group)]
                rows += [table.assign(**said, method=value.method, demos=value.demos) for table in mine]
    columns = ["task", "choice", "value", "own", "method", "demos", "seed", "final"]
    return pd.concat(rows, ignore_index=True)[columns]


def there(results: Path, settings: ExperimentSettings) -> list[RunGroup]:
    """The runs that are drawn: all, or where seeds may be missing those that have finished.

    Raises:
        UserError: if that is none.
    """
    groups = planned(settings)
    if settings.allow_missing_seeds:
        groups = [group for group in (each.finished(results) for each in groups) if group.seeds]
    if not groups:
        raise UserError(f"{results} has no finished run to show")
    return groups


def effects(scores: pd.DataFrame, tasks: Sequence[str]) -> pd.DataFrame:
    """A row for each value but the experiment's own: how far its runs end above those, a mean over the `tasks` shared.

    Columns choice, value, tasks, seeds (fewest), difference, lower, upper, p; p is two-sided, by permutation within
    tasks (`statistics.permutation_test`), after Holm's correction for all rows.
    """
    rows = []
    for (choice, value), mine in scores[~scores["own"]].groupby(["choice", "value"], sort=False):
        own = scores[scores["own"] & (scores["choice"] == choice)]
        shared = [task for task in tasks if {task} <= {*mine["task"]} & {*own["task"]}]
        if shared:
            theirs, owns = ([each["final"][each["task"] == task].to_numpy() for task in shared] for each in (mine, own))
            tested = statistics.permutation_test(theirs, owns)
            lower, upper = statistics.difference_interval(theirs, owns)
            seeds = min(len(part) for part in (*theirs, *owns))
            row = {"choice": choice, "value": value, "tasks": len(shared), "seeds": seeds}
            rows.append({**row, "difference": tested.difference, "lower": lower, "upper": upper, "p": tested.either})
    table = pd.DataFrame(rows, columns=["choice", "value", "tasks", "seeds", "difference", "lower", "upper", "p"])
    return table.assign(p=statistics.holm(table["p"].tolist()))


def left_out(scores: pd.DataFrame, settings: ExperimentSettings) -> list[str]:
    """What is planned and has no row: 'choice: value on task'."""
    shown = set(scores[["task", "choice", "value"]].itertuples(index=False, name=None))
    return [
        f"{choice.name}: {value.name} on {task}"
        for task in settings.task_names()
        for choice in CHOICES
        for value in choice.values(settings, task)
        if (task, choice.name, value.name) not in shown
    ]
