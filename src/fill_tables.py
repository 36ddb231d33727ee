"""Fill the tables of Markdown documents from an experiment's results, so that no number in them is typed.

A table stands between the lines <!-- table: NAME --> and <!-- end of table -->, and is replaced. The names: ends (how
each method ended), claims (what is left of the paper's on the tasks at hand), hours (forecast and taken), tries (runs
that settings were chosen by), fits (of the expert's score model, ever longer), policy_rewards (what a learned reward
makes of better and worse policies).
"""

import argparse
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from smiling import command
from smiling.evidence import answers, examination
from smiling.evidence.forecast import measurements
from smiling.experiment import load_experiment
from smiling.runs.artefacts import write_text
from smiling.settings import UserError

BEGIN, END = "<!-- table: {} -->", "<!-- end of table -->"
TABLE = re.compile(rf"(?<=<!-- table: )(?P<name>\w+) -->\n(?:(?!<!--).)*?(?={END})", re.DOTALL)
# What was meant to be a line of a table's, however it is written.
MARK = re.compile(r"^[ \t]*<!--\s*(?:table\b|end of table).*$", re.MULTILINE | re.IGNORECASE)

Makers = Mapping[str, Callable[[], pd.DataFrame]]


def makers(options: argparse.Namespace) -> Makers:
    """What makes each table."""
    settings = load_experiment(options.scale, options.assignments)
    examined = examination.examine(options.results, settings)
    runs = options.results, settings, examined.groups
    measured = measurements(options.throughput, settings) if options.throughput else None
    found: dict[str, Callable[[], pd.DataFrame]] = {
        "ends": lambda: answers.ends(*runs),
        "claims": lambda: answers.claims(examined.verdicts, answers.seed_hours(*runs)),
        "hours": lambda: answers.hours(*runs, measured),
    }
    if options.tries:
        found["tries"] = lambda: answers.tries(options.tries, options.results, settings)
    if options.fits:
        found["fits"] = lambda: answers.fits(options.fits, options.results)
    if options.policy_rewards:
        found["policy_rewards"] = lambda: answers.policy_rewards(options.policy_rewards, options.results)
    return found


def filled(document: Path, tables: Makers) -> str:
    """The text of a document, its tables made anew.

    Raises:
        UserError: for a document that is no text, without a table, with one that there is none of, or with a line of
            one that the other is missing of.
    """
    try:
        text = document.read_text()
    except UnicodeDecodeError:
        raise UserError(f"{document} is no text: name a Markdown document") from None
    paired, marks = 2 * len(TABLE.findall(text)), len(MARK.findall(text))
    lines = f"write {BEGIN.format('ends')} and {END}, each on a line of its own"
    if not marks:
        raise UserError(f"{document} has no table to fill: {lines}")
    if marks != paired:
        raise UserError(f"{document}: of {marks} lines that begin or end a table {paired} make pairs; {lines}")

    def table(found: re.Match[str]) -> str:
        name = found["name"]
        if name not in tables:
            raise UserError(f"{document}: there is no table '{name}'; there are {', '.join(tables)}")
        return f"{name} -->\n{tables[name]().to_markdown(index=False, disable_numparse=True)}\n"

    return TABLE.sub(table, text)


def main() -> None:
    flags = command.parser(__doc__, writes=False)
    flags.add_argument("documents", type=Path, nargs="+", help="Markdown files; each is written anew")
    flags.add_argument("--results", type=Path, required=True, help="results folder of the experiment")
    flags.add_argument("--tries", type=Path, help="a folder of runs that settings were chosen by (for: tries)")
    flags.add_argument("--fits", type=Path, help="a folder of what measure/expert_fit.py wrote (for: fits)")
    flags.add_argument(
        "--policy-rewards", type=Path, help="of what measure/policy_rewards.py wrote (for: policy_rewards)"
    )
    flags.add_argument("--throughput", type=Path, help="the csv that hours were forecast from (for: hours)")
    options = flags.parse_args()
    tables = makers(options)
    for document, text in [(document, filled(document, tables)) for document in options.documents]:
        write_text(document, text)


if __name__ == "__main__":
    command.run(main)
