"""Table 2: hyperparameters of a figure's methods and of what trains with them, as its runs had them, beside the
paper's.

Read from the runs' records. Writes --out.md, .html, .tex and .csv. A value that is not the paper's is marked; where the
paper has none (a method or a task of another origin) stands a dash.
"""

from smiling import command
from smiling.evidence import finished, hyperparameters, tables
from smiling.evidence.curve_figures import figure, runs_parser
from smiling.experiment import load_experiment
from smiling.runs.artefacts import named, write_json


def main() -> None:
    options = runs_parser(__doc__).parse_args()
    settings = load_experiment(options.scale, options.assignments)
    paper = load_experiment("paper", hyperparameters.PAPERS_OWN)
    groups = finished.shown(options.results, settings, figure(options.figure))
    ran = hyperparameters.as_they_ran(options.results, settings, groups)
    table = hyperparameters.table(ran, paper)
    caption = f"Hyperparameters of the runs at {settings.named} and in the paper (its Table 2, appendix C and code)."
    tables.write(table, options.out, caption)
    write_json(named(options.out, ".json"), finished.drawn_from(__file__, options.results, settings, groups))
    print(named(options.out, ".md").read_text(), end="")


if __name__ == "__main__":
    command.run(main)
