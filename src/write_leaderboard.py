"""Write the leaderboard of a figure's runs: scores, each seed, time of a step, what a method sees, and its place.

Places have the ties that intervals demand. Writes --out.md, .html, .tex and .csv, and .json, what it comes from.
"""

from smiling import command
from smiling.evidence import finished, leaderboard, tables
from smiling.evidence.curve_figures import figure, runs_parser
from smiling.experiment import load_experiment
from smiling.runs.artefacts import named, whole, write_json


def main() -> None:
    options = runs_parser(__doc__).parse_args()
    settings = load_experiment(options.scale, options.assignments)
    groups = finished.shown(options.results, settings, figure(options.figure))
    record = finished.drawn_from(__file__, options.results, settings, groups)
    scores = finished.scores_of(options.results, settings, groups)
    board = leaderboard.table(options.results, settings, groups, scores, record["not_normalised"])
    remarks = "".join(f" Note: {remark}." for remark in finished.remarks(record))
    tables.write(leaderboard.to_read(board), options.out, f"Leaderboard, {settings.named}. {leaderboard.TOLD}{remarks}")
    with whole(named(options.out, ".csv")) as temporary:  # numbers in full
        board.to_csv(temporary, index=False)
    write_json(named(options.out, ".json"), record)
    print(named(options.out, ".md").read_text(), end="")


if __name__ == "__main__":
    command.run(main)
