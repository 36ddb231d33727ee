"""Say what a figure's runs would take on this machine: hours and disk, from measurements of its steps.

Experts and runs of --figure at the scale, seeds together as the settings have it. Times are sums over processes of one
core each (or of the GPU's, where the measurements are a GPU's); evaluations are included.
"""

import json
from pathlib import Path

from smiling import command
from smiling.evidence.curve_figures import FIGURES
from smiling.evidence.forecast import disk_gigabytes, forecast, measurements
from smiling.experiment import load_experiment


def main() -> None:
    flags = command.parser(__doc__, writes=False)
    flags.add_argument("--throughput", type=Path, required=True, help="the csv of src/measure/throughput.py")
    flags.add_argument("--figure", default="figure3", help=f"{', '.join(FIGURES)} (default: figure3)")
    flags.add_argument("--cores", type=int, default=1, help="jobs side by side")
    options = flags.parse_args()
    settings = load_experiment(options.scale, options.assignments)
    table = forecast(settings, measurements(options.throughput, settings), options.figure)
    machine = json.loads(options.throughput.with_suffix(".json").read_text())
    device = machine["settings"][settings.scale]["training"]["device"]
    print(
        f"{options.figure} at scale '{settings.scale}', measured on {machine['provenance']['hardware']['processor']}:\n"
    )
    print(table.to_markdown(index=False, floatfmt=".3g"))
    hours = table["hours"].sum()
    unit = "GPU-hours" if device == "cuda" else "core-hours"
    print(f"\n{hours:.3g} {unit}; {hours / options.cores:.3g} hours with {options.cores} jobs side by side")
    unknown = table[table["hours"].isna()]["learner"].unique()
    if len(unknown):
        print(f"not measured and left out: {', '.join(unknown)}")
    largest, left = disk_gigabytes(settings, options.figure)
    print(f"disk: {left:.3g} GB of demonstrations, up to {largest:.3g} GB of checkpoint for each job that runs")


if __name__ == "__main__":
    command.run(main)
