"""What a method's run must leave behind, whoever wrote it: the contract of `curve.csv` and `run.json`."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

RECORDED = {
    "settings": "the settings in full",
    "wall_seconds": "how long it took",
    "provenance": "what made it: command, versions, commit",
}


def problems(run: Path, steps: int | None, every: int) -> list[str]:
    """Sentences on what is wrong with a finished run, none if all is well.

    Args:
        run: the run's folder.
        steps: environment steps at which the curve must end; None for a method that takes none.
        every: environment steps from one evaluation to the next.
    """
    return _curve_problems(run / "curve.csv", steps, every) + _record_problems(run / "run.json")


def evaluated_at(steps: int, every: int) -> list[int]:
    """Environment steps at which a run of `steps` is evaluated."""
    return sorted({*range(0, steps + 1, every), steps})


def _curve_problems(path: Path, steps: int | None, every: int) -> list[str]:
    if not path.is_file():
        return ["curve.csv is missing"]
    try:
        curve = pd.read_csv(path)
    except (pd.errors.EmptyDataError, pd.errors.ParserError):
        return ["curve.csv is not a table"]
    missing = [name for name in ("env_step", "return") if name not in curve]
    if missing:
        return [f"curve.csv lacks the column {' and '.join(missing)}"]
    grid = pd.to_numeric(curve["env_step"], errors="coerce").to_numpy(float)
    found = []
    if not np.isfinite(pd.to_numeric(curve["return"], errors="coerce").to_numpy(float)).all():
        found.append("curve.csv has a return that is not a finite number")
    if not np.isfinite(grid).all() or len(grid) < 2 or grid[0] != 0 or (np.diff(grid) <= 0).any():
        found.append("curve.csv: env_step must begin at 0 and rise, over two rows at least")
    elif steps is not None and not np.array_equal(grid, evaluated_at(steps, every)):
        found.append(
            f"curve.csv: env_step must be 0, {every}, {2 * every}, ... up to {steps}, as the other methods' is"
        )
    return found


def _record_problems(path: Path) -> list[str]:
    if not path.is_file():
        return ["run.json is missing"]
    try:
        record = json.loads(path.read_text())
    except json.JSONDecodeError:
        return ["run.json is not JSON"]
    if not isinstance(record, dict):
        return ["run.json is not a JSON object"]
    return [f"run.json lacks '{name}', {meaning}" for name, meaning in RECORDED.items() if name not in record]
