"""List the runs of all figures: who made each, how fast, how it ended, and under which settings.

Writes --out.md and .html, settings in full for each method and task, and --out.csv, a row for each run.
"""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from smiling import command
from smiling.evidence import finished, pages
from smiling.evidence.curve_figures import FIGURES
from smiling.evidence.finished import RunGroup
from smiling.experiment import ExperimentSettings, load_experiment
from smiling.runs.artefacts import named, whole, write_json
from smiling.runs.contract import commit_of
from smiling.settings import UserError

MEASURED = ("final_return", "steps_per_second", "wall_seconds")


def groups(results: Path, settings: ExperimentSettings) -> list[RunGroup]:
    """Finished runs of all figures, each once.

    Raises:
        UserError: if there is none.
    """
    planned = [group for drawn in FIGURES.values() for group in finished.planned(settings, drawn)]
    found = [group for group in (each.finished(results) for each in dict.fromkeys(planned)) if group.seeds]
    if not found:
        raise UserError(f"{results} has no finished run; run 'snakemake runs' first")
    return found


def row(group: RunGroup, seed: int, record: dict[str, Any]) -> dict[str, Any]:
    """What the csv says of a run; a program of somebody else's may leave out what it does not know."""
    provenance = record.get("provenance") or {}
    who = {"task": group.task, "demos": group.demos, "method": group.method, "seed": seed}
    made = {"commit": commit_of(provenance), "command": provenance.get("command")}
    return {**who, **{name: record.get(name) for name in MEASURED}, **made}


def section(group: RunGroup, records: list[dict[str, Any]]) -> str:
    """A group in Markdown: its seeds, and the settings of the first."""
    table = pd.DataFrame([row(group, seed, record) for seed, record in zip(group.seeds, records, strict=True)])
    shown = table[["seed", *MEASURED, "commit"]].astype(str).to_markdown(index=False, disable_numparse=True)
    settings = json.dumps(records[0].get("settings"), indent=2)
    title = f"## {group.method} on {group.task}, from {group.demos.replace('_', ' ')}"
    return f"{title}\n\n{shown}\n\n```json\n{settings}\n```\n"


def main() -> None:
    flags = command.parser(__doc__)
    flags.add_argument("--results", type=Path, required=True, help="results folder of the experiment")
    options = flags.parse_args()
    settings = load_experiment(options.scale, options.assignments)
    listed = groups(options.results, settings)
    record = finished.drawn_from(__file__, options.results, settings, listed)
    sections = [f"# Runs, {settings.named}\n", *(f"Note: {remark}.\n" for remark in finished.remarks(record))]
    rows = []
    for group in listed:
        records = finished.records(options.results, settings, group)
        sections.append(section(group, records))
        rows += [row(group, seed, record) for seed, record in zip(group.seeds, records, strict=True)]
    pages.write(options.out, "\n".join(sections))
    with whole(named(options.out, ".csv")) as temporary:
        pd.DataFrame(rows).to_csv(temporary, index=False)
    write_json(named(options.out, ".json"), record)
    print(f"listed: {len(rows)} runs in {options.out}.md, .html and .csv; what they come from in .json")
    finished.tell(record)


if __name__ == "__main__":
    command.run(main)
