"""The page's tables, of text as a reader sees it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from smiling import methods
from smiling.evidence import finished, hyperparameters, summaries, task_rows, verdicts
from smiling.evidence import leaderboard as boards
from smiling.evidence.curve_figures import FIGURES
from smiling.evidence.examination import Examination
from smiling.evidence.figure_style import task_label
from smiling.evidence.finished import RunGroup
from smiling.evidence.tables import as_shown
from smiling.experiment import ExperimentSettings, load_experiment
from smiling.runs import demonstration_kinds
from smiling.runs.contract import read_record

SECONDS_OF_HOUR = 3600
OF_TASKS = (  # columns that the page shows, of what there is to say of a task
    *("environment", "solver", "observation", "action", "episode", "env steps"),
    *("demonstrations", "demonstrated return"),
)


@dataclass(frozen=True)
class Table:
    """A caption, headings, and rows of cells; `marked` are the rows that stand out."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    marked: frozenset[int] = frozenset()


def of_frame(frame: pd.DataFrame, caption: str, marked: Iterable[int] = ()) -> Table:
    """A data frame's."""
    rows = [[as_shown(value) for value in row] for row in frame.itertuples(index=False)]
    return Table(caption, [str(name) for name in frame.columns], rows, frozenset(marked))


def scores(found: pd.DataFrame, not_normalised: Sequence[str], caption: str) -> Table:
    """Each method on each task, with every seed."""
    return of_frame(summaries.tasks_to_read(summaries.task_table(found, not_normalised), found), caption)


def over_tasks(shared: pd.DataFrame, caption: str) -> Table:
    """Each method over the tasks that all share."""
    return of_frame(summaries.methods_to_read(summaries.method_table(shared)), caption)


def pairs(shared: pd.DataFrame, caption: str) -> Table:
    """Each pair of methods once."""
    return of_frame(summaries.pairs_to_read(summaries.improvement_table(shared).iloc[::2]), caption)


def leaderboard(
    results: Path,
    asked: ExperimentSettings,
    groups: Sequence[RunGroup],
    found: pd.DataFrame,
    not_normalised: Sequence[str],
) -> Table:
    """The methods in order, from the scores `found` of `groups`."""
    board = boards.table(results, asked, groups, found, not_normalised)
    return of_frame(boards.to_read(board), "Leaderboard.")


def claims(examined: Examination) -> Table:
    """The seven claims."""
    return of_frame(verdicts.to_read(examined.verdicts, examined.said), "The paper's claims.")


def tasks(results: Path, settings: ExperimentSettings) -> Table:
    """The tasks of which there are demonstrations."""
    rows: list[dict[str, Any]] = []
    for task in settings.task_names():
        folder = results / task / demonstration_kinds.FOLDER
        if (folder / "returns.json").exists():
            row = task_rows.row(task, settings, folder)
            measured = {f"{who}'s return": measured_return(row, who) for who in ("expert", "random")}
            rows.append({"task": task_label(task), "name": task, **{name: row[name] for name in OF_TASKS}, **measured})
    return of_frame(pd.DataFrame(rows), "Tasks. Returns are means over episodes ± their standard deviation.")


def measured_return(row: dict[str, Any], who: str) -> str:
    """A mean over episodes and, of several, its spread."""
    spread = row[f"{who} spread"]
    return f"{row[f'{who} return']:.1f}" + ("" if pd.isna(spread) else f" ± {spread:.1f}")


def settings(results: Path, asked: ExperimentSettings, groups: Sequence[RunGroup]) -> tuple[Table, Table]:
    """Hyperparameters of the runs beside the paper's: those that differ on a task, and the others."""
    ran = hyperparameters.as_they_ran(results, asked, groups)
    paper = load_experiment("paper", hyperparameters.PAPERS_OWN)
    table = hyperparameters.table(ran, paper).rename(columns={"": "mark"})
    differs = table["mark"] == hyperparameters.MARK
    return (
        of_frame(table[differs], "Settings that differ from the paper's.", range(int(differs.sum()))),
        of_frame(table[~differs].drop(columns="mark"), "Settings that are the paper's, or (-) of which it has none."),
    )


def provenance(results: Path, asked: ExperimentSettings, record: dict[str, Any], groups: Sequence[RunGroup]) -> Table:
    """What made the runs, and this page."""
    made, drawn = record["made_by"], record["provenance"]
    rows = [["runs", str(made["runs"])], ["of them by other code than this page's", str(made["of_other_code"])]]
    for what, name in finished.SEVERAL.items():
        rows.append([name, "; ".join(f"{each} ({count} of the runs)" for each, count in made[what].items())])
    imitation = process_hours(record for group in groups for record in finished.records(results, asked, group))
    experts = process_hours(
        read_record(path)
        for path in (results / task / "expert" / "run.json" for task in asked.task_names())
        if path.exists()
    )
    rows.append(["hours of processes, by the clock", f"{imitation:.3g} imitating, {experts:.3g} of experts' training"])
    page = f"commit {finished.commit(drawn)}; {drawn['hardware']['processor']}, Python {drawn['python']}"
    rows.append(["this page", page])
    return Table("What made it.", ["what", "which"], rows)


def process_hours(records: Iterable[dict[str, Any]]) -> float:
    """Hours of all processes: seeds that were trained in one share its time. A run that does not say counts as none."""
    return sum((one.get("wall_seconds") or 0.0) / len(one.get("seeds") or [0]) for one in records) / SECONDS_OF_HOUR


def missing(results: Path, asked: ExperimentSettings) -> Table:
    """Runs that have not finished, of all figures."""
    figures: dict[RunGroup, list[str]] = {}
    for name, drawn in FIGURES.items():
        for group in finished.missing(results, asked, drawn):
            figures.setdefault(group, []).append(name.removeprefix("figure"))
    rows = [
        (
            task_label(group.task),
            methods.label(group.method),
            "states and actions" if demonstration_kinds.parse(group.demos).with_actions else "states",
            ", ".join(map(str, group.seeds)),
            ", ".join(names),
        )
        for group, names in figures.items()
    ]
    planned = {each for drawn in FIGURES.values() for each in finished.planned(asked, drawn)}
    lost, all_runs = (sum(len(group.seeds) for group in groups) for groups in (figures, planned))
    return Table(
        f"{lost} of the {all_runs} runs that figures 3 to 5 are drawn from are missing.",
        ("task", "method", "learns from", "seeds", "figure"),
        rows,
    )
