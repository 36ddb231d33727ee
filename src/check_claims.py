"""Check the paper's seven claims on the curves at hand: numbers, intervals, a verdict each.

Writes claims.md and .html, claims.csv (a row for each comparison) and claims.json into --out. Where runs are shorter
than the paper's, or seeds fewer, a verdict stays open, and says what the curves would say.
"""

from pathlib import Path

import pandas as pd

from smiling import command
from smiling.evidence import claims, finished, pages
from smiling.evidence.claims import Curves, Verdict
from smiling.evidence.curve_figures import FIGURES
from smiling.evidence.finished import RunGroup
from smiling.experiment import ExperimentSettings, load_experiment
from smiling.runs.artefacts import whole, write_json
from smiling.settings import UserError


def evidence(results: Path, settings: ExperimentSettings) -> dict[RunGroup, Curves]:
    """Curves of the methods and tasks of all figures of which every seed has finished, or some where that is enough."""
    found: dict[RunGroup, Curves] = {}
    for group in (group for drawn in FIGURES.values() for group in finished.planned(settings, drawn)):
        done = group.finished(results)
        if done.seeds and (settings.allow_missing_seeds or done == group):
            found[done] = Curves(*finished.normalised(results, settings, done))
    return found


def shortfalls(settings: ExperimentSettings, paper: ExperimentSettings) -> list[str]:
    """What keeps curves of this experiment from speaking of the paper's."""
    found = []
    for task in settings.task_names():
        if task in paper.tasks and settings.task(task).env_steps < paper.task(task).env_steps:
            found.append(
                f"{task} has {settings.task(task).env_steps} of the paper's {paper.task(task).env_steps} steps"
            )
        if len(settings.seeds_of(task)) < len(paper.seeds):
            found.append(f"{task} has {len(settings.seeds_of(task))} of {len(paper.seeds)} seeds")
    if settings.of_solver(next(iter(settings.task_names()))) != paper.of_solver(next(iter(settings.task_names()))):
        found.append("networks and settings are not the paper's")
    return found


def sentence(verdict: Verdict, short: list[str]) -> str:
    """The verdict in words."""
    if not short or verdict.verdict == "undecided":
        return verdict.verdict
    return f"undecided (at this scale: {verdict.verdict})"


def text(verdicts: list[Verdict], settings: ExperimentSettings, short: list[str], remarks: list[str]) -> str:
    """The claims in Markdown."""
    lines = [f"# The paper's claims, {settings.named}", "", *(f"Note: {remark}.\n" for remark in remarks)]
    if short:
        lines += [
            "Not the paper's experiment, so that no claim is settled by it:",
            "",
            *(f"* {item}" for item in short),
            "",
        ]
    for verdict in verdicts:
        lines += [f"## {verdict.number}. {verdict.claim}", "", f"**{sentence(verdict, short)}**", ""]
        for item in verdict.comparisons:
            holds = {True: "holds", False: "fails", None: "open"}[item.holds]
            lines.append(f"* {item.what}: {item.value:+.3f} [{item.lower:+.3f}, {item.upper:+.3f}], {holds}")
        lines += [*(f"* missing: {item}" for item in verdict.missing), ""]
    return "\n".join(lines)


def main() -> None:
    flags = command.parser(__doc__)
    flags.add_argument("--results", type=Path, required=True, help="results folder of the experiment")
    options = flags.parse_args()
    settings, paper = load_experiment(options.scale, options.assignments), load_experiment("paper")
    found = evidence(options.results, settings)
    if not found:
        raise UserError(f"{options.results} has no finished runs to check claims on; run 'snakemake runs' first")
    curves = {(group.demos, group.task, group.method): values for group, values in found.items()}
    verdicts, short = claims.examine(curves, tuple(paper.tasks)), shortfalls(settings, paper)
    rows = [
        (verdict.number, sentence(verdict, short), item.what, item.value, item.lower, item.upper)
        for verdict in verdicts
        for item in verdict.comparisons
    ]
    columns = ["claim", "verdict", "comparison", "value", "lower", "upper"]
    with whole(options.out / "claims.csv") as temporary:
        pd.DataFrame(rows, columns=columns).to_csv(temporary, index=False)
    record = finished.drawn_from(options.results, settings, list(found))
    words = text(verdicts, settings, short, finished.remarks(record))
    pages.write(options.out / "claims", words)
    write_json(options.out / "claims.json", record | {"verdicts": [sentence(item, short) for item in verdicts]})
    print(words)


if __name__ == "__main__":
    command.run(main)
