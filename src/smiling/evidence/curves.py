"""Learning curves: read, and normalised."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from smiling.runs import contract
from smiling.settings import UserError

COLUMNS = ("task", "method", "seed", "env_step", "return")  # of a table of curves


def read_curve(run: Path) -> pd.DataFrame:
    """`env_step` and `return` of a finished run, in order of steps.

    Raises:
        UserError: naming the run if its curve is missing, empty or not finite.
    """
    path = run / "curve.csv"
    try:
        curve = pd.read_csv(path)
    except FileNotFoundError:
        raise UserError(f"{path} is missing: that run has not finished; run it, or leave its seed out") from None
    except ValueError:  # pandas' own are such, and a decoder's
        raise UserError(f"{path} is not a table; delete it to run that seed again") from None
    if not {"env_step", "return"} <= set(curve.columns) or curve.empty:
        raise UserError(f"{path} needs the columns env_step and return, and a row")
    curve = curve[["env_step", "return"]].apply(pd.to_numeric, errors="coerce")
    curve = curve.sort_values("env_step", ignore_index=True)
    if not np.isfinite(curve.to_numpy(dtype=float)).all():
        raise UserError(f"{path} holds a value that is not finite; delete it to run that seed again")
    return curve


def read_curves(folder: Path) -> pd.DataFrame:
    """Curves of all finished runs below `folder`, a row for each evaluation: task, method, seed, env_step, return.

    Task, method and seed are those of a run's run.json, or missing where that does not say.

    Raises:
        UserError: if there is no finished run, or one is damaged.
    """
    runs = runs_below(folder)
    return pd.concat([read_curve(run).assign(**_named(run)) for run in runs], ignore_index=True)[list(COLUMNS)]


def runs_below(folder: Path) -> list[Path]:
    """The folders of all finished runs below `folder`.

    Raises:
        UserError: if there is none.
    """
    runs = sorted(path.parent for path in Path(folder).rglob("curve.csv"))
    if not runs:
        raise UserError(f"{folder} has no finished run: no folder in it holds a curve.csv")
    return runs


def _named(run: Path) -> dict[str, Any]:
    """What a run's record says that it is."""
    path = run / "run.json"
    record = contract.read_record(path) if path.exists() else {}
    return {name: record.get(name) for name in ("task", "method", "seed")}


class Scale(NamedTuple):
    """Returns by which others are normalised."""

    expert: float | None  # becomes 1; None where demonstrations without rewards do not tell it
    random: float  # becomes 0

    def is_one(self) -> bool:
        """Whether the expert is known, and above random."""
        return self.expert is not None and self.expert > self.random


def read_returns(demonstrations: Path, must_beat_random: bool = True) -> Scale:
    """Returns of the expert and of the random policy, from a demonstrations folder's returns.json.

    Raises:
        UserError: if it is missing, or the expert must be better than random and is not.
    """
    path = demonstrations / "returns.json"
    if not path.exists():
        raise UserError(f"{path} is missing: collect the demonstrations first")
    returns = contract.read_record(path, contract.ReturnsRecord)
    expert, random = returns.get("expert_return"), returns.get("random_return")
    if random is None or "expert_return" not in returns:
        raise UserError(f"{path} needs the numbers expert_return and random_return")
    if expert is not None and expert <= random and must_beat_random:
        raise UserError(
            f"{path}: the expert's return ({expert:.1f}) is not above random ({random:.1f}); train it longer"
        )
    return Scale(expert, random)


def normalise(returns: np.ndarray, expert: float | None, random: float) -> np.ndarray:
    """Returns on the scale on which the random policy is 0 and the expert 1.

    Where the expert is not known, or not above random, there is no such scale: returns as they are.
    """
    return returns if expert is None or expert <= random else (returns - random) / (expert - random)


def on_grid(curves: list[pd.DataFrame]) -> tuple[np.ndarray, np.ndarray]:
    """Steps (n,) that all curves share, and their returns there (seeds, n).

    Raises:
        UserError: if the curves were not evaluated at the same steps.
    """
    steps = curves[0]["env_step"].to_numpy()
    if any(not np.array_equal(curve["env_step"].to_numpy(), steps) for curve in curves):
        raise UserError("seeds of one method were evaluated at different steps; run them under the same settings")
    return steps, np.stack([curve["return"].to_numpy() for curve in curves])


def last_quarter(steps: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Mean over the last quarter of training, (seeds,), of values (seeds, n) at `steps` (n,)."""
    return values[:, steps > 0.75 * steps[-1]].mean(1)
