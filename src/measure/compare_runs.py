"""Compare two sets of runs of the same experiment: are their returns distinguishable?

Two-sided permutation tests on the difference of means over seeds, of the mean return over the last quarter of the
steps and over all of them, as far as both sets go; of too many permutations a sample is drawn, and the output says so.
Each folder holds a folder with a curve.csv for each seed.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from smiling import command
from smiling.evidence import curves
from smiling.evidence.statistics import permutation_test
from smiling.settings import UserError


def read(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Steps (n,) and returns (seeds, n) of all runs there.

    Raises:
        UserError: if there is none.
    """
    runs = sorted(path.parent for path in folder.glob("*/curve.csv"))
    if not runs:
        raise UserError(f"{folder} has no folder with a curve.csv")
    return curves.on_grid([curves.read_curve(run) for run in runs])


def scores(steps: np.ndarray, returns: np.ndarray, until: int) -> pd.DataFrame:
    """A row for each seed: its return over the last quarter of the steps up to `until`, and over all of them."""
    steps, returns = steps[steps <= until], returns[:, steps <= until]
    return pd.DataFrame({"last quarter": curves.last_quarter(steps, returns), "all": returns.mean(1)})


def compare(one: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """A row for each score: both means, and the p-value of their being from one distribution."""
    rows = []
    for name in one:
        test = permutation_test([one[name].to_numpy()], [other[name].to_numpy()])
        rows.append((name, one[name].mean(), other[name].mean(), test.either, test.how))
    return pd.DataFrame(rows, columns=["return over", "first", "second", "p", "by"])


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("first", type=Path)
    flags.add_argument("second", type=Path)
    options = flags.parse_args()
    first, second = read(options.first), read(options.second)
    until = min(first[0][-1], second[0][-1])
    one, other = scores(*first, until), scores(*second, until)
    print(compare(one, other).to_markdown(index=False, floatfmt=".3g"))
    print(f"\n{len(one)} and {len(other)} runs, {until} steps")


if __name__ == "__main__":
    command.run(main)
