"""Check the paper's seven claims on the curves at hand: a verdict each, its effect and interval, and what is missing.

Writes claims.md and .html (a row for each claim, and what each rests on), claims.csv (a row for each comparison),
claims.json and a picture of the effects, claims.png and .pdf, into --out. Where runs are shorter than the paper's, or
seeds fewer, a verdict stays open, and says what the curves would say.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from smiling import command
from smiling.evidence import examination, finished, pages, verdicts
from smiling.evidence.examination import Examination
from smiling.evidence.figure_style import save, style, task_label
from smiling.experiment import ExperimentSettings, load_experiment
from smiling.runs.artefacts import whole, write_json

SHOWN = {"comparison": "part", "found": "found", "p_above": "p above", "p_below_holm": "p below (Holm)", "how": "by"}


def text(examined: Examination, settings: ExperimentSettings, notes: Sequence[str]) -> str:
    """The claims in Markdown: seven rows, then what each rests on."""
    table = verdicts.to_read(examined.verdicts, examined.said)
    parts = verdicts.in_numbers(examined.verdicts, examined.said)
    parts["effect"] = [verdicts.bounded(*each) for each in parts[["value", "lower", "upper"]].to_numpy()]
    whole_parts = parts[parts["task"].isna()]
    shown = whole_parts[["claim", "comparison", "effect", *list(SHOWN)[1:]]].rename(columns=SHOWN)
    lines = [f"# The paper's claims, {settings.named}", "", *(f"* {note}" for note in notes), ""]
    lines += [table.to_markdown(index=False, disable_numparse=True), ""]
    lines += ["On the tasks at hand: what is left of a claim on the tasks that have all its runs, at this scale.", ""]
    lines += ["## What each rests on", ""]
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


def notes_on(examined: Examination, record: Mapping[str, Any]) -> list[str]:
    """What a reader should know before the table."""
    notes = [f"Note: {remark}." for remark in finished.remarks(dict(record))]
    if record["not_normalised"]:
        notes.append("Note: those tasks count in no claim, which are about normalised returns.")
    if examined.outside:
        notes.append(f"No claim is about {', '.join(map(task_label, examined.outside))}: not among the paper's tasks.")
    if examined.shortfalls:
        notes.append(
            f"Not the paper's experiment, so that no claim is settled by it: {'; '.join(examined.shortfalls)}."
        )
    return notes


def main() -> None:
    flags = command.parser(__doc__)
    flags.add_argument("--results", type=Path, required=True, help="results folder of the experiment")
    options = flags.parse_args()
    settings = load_experiment(options.scale, options.assignments)
    examined = examination.examine(options.results, settings)
    found, said = examined.verdicts, examined.said
    record = finished.drawn_from(__file__, options.results, settings, examined.groups)
    with style():
        save(verdicts.draw(found, said, settings.named), options.out / "claims")
    with whole(options.out / "claims.csv") as temporary:
        verdicts.in_numbers(found, said).to_csv(temporary, index=False)
    words = text(examined, settings, notes_on(examined, record))
    pages.write(options.out / "claims", words)
    rows = verdicts.to_read(found, said).to_dict("records")
    write_json(options.out / "claims.json", record | {"verdicts": said, "claims": rows})
    print(words)


if __name__ == "__main__":
    command.run(main)
