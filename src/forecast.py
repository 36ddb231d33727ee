"""Say what a figure's runs would take: jobs, hours, disk, and days on so many nodes, from measurements of steps.

Experts and runs of --figure at the scale, seeds together as the settings have it. Times are sums over processes of one
core each (or of the GPU's, where the measurements are a GPU's); evaluations are included.
"""

import argparse
import json
from pathlib import Path

from smiling import command, methods
from smiling.evidence.curve_figures import FIGURES
from smiling.evidence.forecast import disk_gigabytes, forecast, measurements, plan
from smiling.experiment import load_experiment

HOURS_OF_A_DAY = 24


def _nodes(text: str) -> list[int]:
    numbers = text.split(",")
    if not all(number.isdecimal() and int(number) for number in numbers):
        raise argparse.ArgumentTypeError(f"'{text}' is no number of nodes, or several: write 4 or 4,16,64")
    return [int(number) for number in numbers]


def _machine(measured: Path) -> str:
    """Processor or GPU that was measured, by the record beside the measurements."""
    try:
        hardware = json.loads(measured.with_suffix(".json").read_text())["provenance"]["hardware"]
    except FileNotFoundError:
        return str(measured)
    return str(hardware.get("gpu") or hardware["processor"])


def main() -> None:
    flags = command.parser(__doc__, writes=False)
    flags.add_argument("--throughput", type=Path, required=True, help="the csv of src/measure/throughput.py")
    flags.add_argument("--figure", default="figure3", help=f"{', '.join(FIGURES)} (default: figure3)")
    flags.add_argument("--cores", type=int, default=1, help="jobs side by side")
    flags.add_argument("--nodes", type=_nodes, default=[], help="further numbers of them, or of GPUs: 4,16,64")
    options = flags.parse_args()
    settings = load_experiment(options.scale, options.assignments)
    table = forecast(settings, measurements(options.throughput, settings), options.figure)
    print(f"{options.figure} at scale '{settings.scale}', measured on {_machine(options.throughput)}:\n")
    print(table.to_markdown(index=False, floatfmt=".3g"))
    hours = table["hours"].sum()
    unit = "GPU-hours" if settings.training.device == "cuda" else "core-hours"
    print(f"\n{hours:.3g} {unit}; {hours / options.cores:.3g} hours with {options.cores} jobs side by side")
    jobs = plan(settings, table)
    count = len(jobs.experts) + sum(map(len, jobs.runs.values()))
    print(f"{count} jobs that train; the longest chain, an expert and a run, takes {jobs.longest_chain():.3g} hours")
    for nodes in options.nodes:
        print(f"on {nodes} nodes: {jobs.hours_on(nodes) / HOURS_OF_A_DAY:.3g} days")
    unknown = table[table["hours"].isna()]["learner"].unique()
    left_out = [*unknown, *(name for name in settings.methods if not methods.load(name).takes_steps)]
    if left_out:
        print(f"not measured and left out: {', '.join(left_out)}")
    largest, left = disk_gigabytes(settings, options.figure)
    print(f"disk: {left:.3g} GB of demonstrations, up to {largest:.3g} GB of checkpoint for each job that runs")


if __name__ == "__main__":
    command.run(main)
