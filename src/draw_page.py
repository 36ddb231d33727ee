"""Draw the page of an experiment: what was asked and found, curves, scores, comparisons, claims, films and settings.

Writes --out.html, one file that needs no other and no network, and --out.json, what it comes from. Whatever has
finished is shown, and what is missing is named: a method on a task is there when all of its seeds are, or some, where
allow_missing_seeds is set.
"""

from pathlib import Path

from smiling import command
from smiling.evidence import finished
from smiling.evidence.page import document
from smiling.experiment import load_experiment
from smiling.runs.artefacts import named, write_json, write_text
from smiling.runs.provenance import file_digest
from smiling.settings import UserError


def main() -> None:
    flags = command.parser(__doc__)
    flags.add_argument("--results", type=Path, required=True, help="results folder of the experiment")
    flags.add_argument("--films", type=Path, help="folder of films, as figure1's (default: figure1 beside --out)")
    options = flags.parse_args()
    settings = load_experiment(options.scale, options.assignments)
    films = options.films or options.out.with_name("figure1")
    groups = document.shown_groups(options.results, settings)
    if not groups:
        raise UserError(f"{options.results} has no finished runs to show; run 'snakemake runs' first")
    record = finished.drawn_from(__file__, options.results, settings, groups)
    write_text(named(options.out, ".html"), document.write_html(options.results, settings, films, record))
    filmed = {str(path): file_digest(path) for path in sorted(films.glob("*.json"))}
    write_json(named(options.out, ".json"), record | {"films": filmed})
    print(f"drawn: {options.out}.html, which needs no other file; what it comes from in .json")
    finished.tell(record)


if __name__ == "__main__":
    command.run(main)
