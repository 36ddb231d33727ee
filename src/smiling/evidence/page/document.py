"""The page as HTML: a template of this folder filled with what the runs say; text of names and settings is escaped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from plotly import offline

from smiling.evidence import examination, finished, leaderboard, summaries
from smiling.evidence.curve_figures import FIGURES
from smiling.evidence.films import left_out
from smiling.evidence.finished import RunGroup
from smiling.evidence.page import charts, filmed, findings, forest, tables
from smiling.evidence.page.tables import Table
from smiling.experiment import ExperimentSettings

FOLDER = Path(__file__).parent
TEMPLATE = "page.html.jinja"


@dataclass(frozen=True)
class FigureTables:
    """Scores and comparisons of a figure's runs; `pairs` and `over_tasks` are None where no task is shared."""

    title: str
    scores: Table
    over_tasks: Table | None
    pairs: Table | None


def write_html(results: Path, settings: ExperimentSettings, films: Path, record: dict[str, Any]) -> str:
    """The page of what has finished of an experiment, with the films in a folder; `record` is that of what it shows.

    Raises:
        UserError: if nothing has finished, or something that has is not what is asked for.
    """
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"allow_nan": False, "separators": (",", ":")}
    return environment.get_template(TEMPLATE).render(
        **contents(results, settings, films, record),
        style=_own("page.css"),
        script=_own("page.js"),
        plotly=Markup(offline.get_plotlyjs()),
    )


def shown_groups(results: Path, settings: ExperimentSettings) -> list[RunGroup]:
    """The runs that the page shows, each once."""
    return each_once(charts.with_own_runs(results, settings))


def each_once(drawn: Mapping[str, Sequence[RunGroup]]) -> list[RunGroup]:
    """The runs of several figures."""
    return list(dict.fromkeys(group for found in drawn.values() for group in found))


def contents(results: Path, settings: ExperimentSettings, films: Path, record: dict[str, Any]) -> dict[str, Any]:
    """What the template is filled with."""
    drawn, not_normalised = charts.with_own_runs(results, settings), record["not_normalised"]
    groups, examined = each_once(drawn), examination.examine(results, settings)
    scores = {name: finished.scores_of(results, settings, found) for name, found in drawn.items()}
    first = next(iter(scores.values()))
    differing, alike = tables.settings(results, settings, groups)
    return {
        "settings": settings,
        "asked": findings.asked(settings),
        "found": [*findings.on_scores(first, not_normalised), *findings.on_claims(examined)],
        "remarks": finished.remarks(record),
        "data": charts.of_experiment(results, settings, drawn, not_normalised),
        "figures": [_figure_tables(FIGURES[name].title, found, not_normalised) for name, found in scores.items()],
        "board": tables.leaderboard(results, settings, next(iter(drawn.values())), first, not_normalised),
        "board_told": leaderboard.TOLD,
        "claims": forest.of_claims(examined.verdicts, examined.said),
        "claims_table": tables.claims(examined),
        "films": filmed.there(results, settings, films, first),
        "missing_films": filmed.missing(settings, films),
        "not_filmed": left_out(settings),
        "tasks": tables.tasks(results, settings),
        "differing": differing,
        "alike": alike,
        "provenance": tables.provenance(results, settings, record, groups),
        "missing": tables.missing(results, settings),
        "narrow": summaries.NARROW,
        "nothing_shared": summaries.NOTHING_SHARED,
    }


def _figure_tables(title: str, scores: pd.DataFrame, not_normalised: Sequence[str]) -> FigureTables:
    shared = scores[scores["task"].isin(summaries.shared_tasks(scores, not_normalised))]
    return FigureTables(
        title,
        tables.scores(scores, not_normalised, f"{title}: scores at the end."),
        tables.over_tasks(shared, f"{title}: means over tasks.") if len(shared) else None,
        tables.pairs(shared, f"{title}: pairs of methods.") if shared["method"].nunique() > 1 else None,
    )


def _own(name: str) -> Markup:
    return Markup((FOLDER / name).read_text())
