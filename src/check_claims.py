"""Check the paper's seven claims on the curves at hand: a verdict each, its effect and interval, and what is missing.

Writes claims.md and .html (a row for each claim, and what each rests on), claims.csv (a row for each comparison),
claims.json and a picture of the effects, claims.png and .pdf, into --out. Where runs are shorter than the paper's, or
seeds fewer, a verdict stays open, and says what the curves would say.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from smiling import command
from smiling.evidence import finished, pages, paper_claims, verdicts
from smiling.evidence.claims import Curves, Verdict
from smiling.evidence.curve_figures import FIGURES
from smiling.evidence.figure_style import save, style, task_label
from smiling.evidence.finished import RunGroup
from smiling.experiment import ExperimentSettings, load_experiment
from smiling.runs.artefacts import whole, write_json
from smiling.settings import UserError

DOES_NOT_APPLY = "does not apply: none of the paper's tasks is asked for"
SHOWN = {"comparison": "part", "found": "found", "p_above": "p above", "p_below_holm": "p below (Holm)", "how": "by"}


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


def text(found: Sequence[Verdict], said: Sequence[str], settings: ExperimentSettings, notes: Sequence[str]) -> str:
    """The claims in Markdown: seven rows, then what each rests on."""
    table = verdicts.to_read(found, said)
    parts = verdicts.in_numbers(found, said)
    parts["effect"] = [f"{row['value']:+.2f} [{row['lower']:+.2f}, {row['upper']:+.2f}]" for _, row in parts.iterrows()]
    whole_parts = parts[parts["task"].isna()]
    shown = whole_parts[["claim", "comparison", "effect", *list(SHOWN)[1:]]].rename(columns=SHOWN)
    lines = [f"# The paper's claims, {settings.named}", "", *(f"* {note}" for note in notes), ""]
    lines += [table.to_markdown(index=False, disable_numparse=True), "", "## What each rests on", ""]
    lines += [
        "Each part must hold: above zero with p at most 0.025, on as many tasks as the claim has. Below zero is a",
        "contradiction, by Holm's correction. docs/statistics.md has how often this errs and what it can see.",
        "",
        shown.map(lambda value: f"{value:.3g}" if isinstance(value, float) else str(value)).to_markdown(
            index=False, disable_numparse=True
        ),
        "",
    ]
    return "\n".join(lines)


def notes_on(
    settings: ExperimentSettings, short: Sequence[str], outside: Sequence[str], record: Mapping[str, Any]
) -> list[str]:
    """What a reader should know before the table."""
    notes = [f"Note: {remark}." for remark in finished.remarks(dict(record))]
    if record["not_normalised"]:
        notes.append("Note: those tasks count in no claim, which are about normalised returns.")
    if outside:
        notes.append(f"No claim is about {', '.join(map(task_label, outside))}: not among the paper's tasks.")
    if short:
        notes.append(f"Not the paper's experiment, so that no claim is settled by it: {'; '.join(short)}.")
    return notes


def main() -> None:
    flags = command.parser(__doc__)
    flags.add_argument("--results", type=Path, required=True, help="results folder of the experiment")
    options = flags.parse_args()
    settings, paper = load_experiment(options.scale, options.assignments), load_experiment("paper")
    curves = evidence(options.results, settings)
    if not curves:
        raise UserError(f"{options.results} has no finished runs to check claims on; run 'snakemake runs' first")
    record = finished.drawn_from(__file__, options.results, settings, list(curves))
    counted = {
        (group.demos, group.task, group.method): values
        for group, values in curves.items()
        if group.task not in record["not_normalised"]
    }
    outside = [task for task in settings.task_names() if task not in paper_claims.TASKS]
    found, short = paper_claims.examine(counted), shortfalls(settings, paper)
    applies = len(outside) < len(settings.task_names())
    said = [sentence(verdict, short, applies) for verdict in found]
    with style():
        save(verdicts.draw(found, said, settings.named), options.out / "claims")
    with whole(options.out / "claims.csv") as temporary:
        verdicts.in_numbers(found, said).to_csv(temporary, index=False)
    words = text(found, said, settings, notes_on(settings, short, outside, record))
    pages.write(options.out / "claims", words)
    rows = verdicts.to_read(found, said).to_dict("records")
    write_json(options.out / "claims.json", record | {"verdicts": said, "claims": rows})
    print(words)


if __name__ == "__main__":
    command.run(main)
