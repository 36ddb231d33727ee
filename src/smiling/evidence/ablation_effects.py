"""What the paper's choices do: scores of the runs that `ablations` plans, and how far they are from each other."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from smiling.evidence import ablations, finished, statistics
from smiling.evidence.finished import RunGroup
from smiling.experiment import ExperimentSettings


def scores(results: Path, settings: ExperimentSettings, groups: Sequence[RunGroup]) -> pd.DataFrame:
    """A row for each seed of each value, on each task.

    Columns task, choice, value, own, method, demos, and seed, final, final_return as `finished.scores` has them.

    `own` are the experiment's. A value none of whose runs is among `groups` is left out.

    Raises:
        UserError: naming a run that is missing, damaged, or not the one that is asked for.
    """
    scored = ["seed", "final", "final_return"]
    found = {group: finished.scores_of(results, settings, [group])[scored] for group in groups}
    rows = []
    for task, choice, value, own in ablations.tried(settings):
        said = {"task": task, "choice": choice, "value": value.name, "own": own}
        mine = [table for group, table in found.items() if group.task == task and value.is_of(group)]
        rows += [table.assign(**said, method=value.method, demos=value.demos) for table in mine]
    columns = ["task", "choice", "value", "own", "method", "demos", *scored]
    return pd.concat(rows, ignore_index=True)[columns]


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
        f"{each.choice}: {each.value.name} on {each.task}"
        for each in ablations.tried(settings)
        if (each.task, each.choice, each.value.name) not in shown
    ]
