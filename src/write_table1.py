"""Table 1: the tasks, their sizes as the environments have them, and returns of expert and random policy as measured.

Writes --out.md, .html, .tex and .csv.
"""

from pathlib import Path

import pandas as pd

from smiling import command
from smiling.evidence import finished, tables, task_rows
from smiling.experiment import load_experiment
from smiling.runs.artefacts import named, write_json
from smiling.runs.provenance import file_digest


def main() -> None:
    flags = command.parser(__doc__)
    flags.add_argument("--results", type=Path, required=True, help="results folder of the experiment")
    options = flags.parse_args()
    settings = load_experiment(options.scale, options.assignments)
    folders = {task: options.results / task / "demonstrations" for task in settings.task_names()}
    rows = [task_rows.row(task, settings, folder) for task, folder in folders.items()]
    caption = (
        f"Tasks at {settings.named}. Episodes have so many steps at most. Returns are means over episodes, spreads "
        "their standard deviations: expert by "
        "mean actions on SAC; of demonstrations of one's own, over these."
    )
    tables.write(pd.DataFrame(rows), options.out, caption)
    returns = {str(path): file_digest(path) for path in (folder / "returns.json" for folder in folders.values())}
    write_json(named(options.out, ".json"), finished.drawn_by(__file__, settings) | {"returns": returns})
    print(named(options.out, ".md").read_text(), end="")


if __name__ == "__main__":
    command.run(main)
