"""What programs of src/measure measured of an experiment's demonstrations: a csv, and beside it what made it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from smiling.evidence import finished
from smiling.experiment import ExperimentSettings
from smiling.runs import demonstration_kinds
from smiling.runs.artefacts import named, whole, write_json
from smiling.runs.contract import MeasuredRecord, ReturnsRecord, read_record
from smiling.runs.provenance import file_digest
from smiling.settings import UserError


def write(table: pd.DataFrame, out: Path, script: str, settings: ExperimentSettings, of: Mapping[str, Any]) -> None:
    """Write `out`.csv and then .json, which says what made it and what it is `of`: demonstrations' digest, and more."""
    with whole(named(out, ".csv")) as temporary:
        table.to_csv(temporary, index=False)
    record = {"table": file_digest(named(out, ".csv")), **of, **finished.drawn_by(script, settings)}
    write_json(named(out, ".json"), record)


def read(folder: Path, program: str, keys: Sequence[str], values: Sequence[str], results: Path) -> pd.DataFrame:
    """The rows of all files in `folder` by `program`: finite `values`, measured for each of `keys`, `task` among them.

    Raises:
        UserError: if there is none, or one is of something else, or of other demonstrations than those in `results`.
    """
    files = sorted(folder.glob("*.csv"))
    if not files:
        raise UserError(f"{folder} holds no csv of measure/{program}.py")
    tables = [_read_one(file, program, keys, values) for file in files]
    for file, table in zip(files, tables, strict=True):
        _check(file, program, table["task"].unique(), results)
    return pd.concat(tables, ignore_index=True)


def _read_one(file: Path, program: str, keys: Sequence[str], values: Sequence[str]) -> pd.DataFrame:
    refused = UserError(f"{file} is not as measure/{program}.py wrote it: write it anew, or take it away")
    try:
        table = pd.read_csv(file)
    except (OSError, ValueError):  # pandas' own are such, and a decoder's
        raise refused from None
    if table.empty or not {*keys, *values} <= set(table) or table.duplicated(list(keys)).any():
        raise refused
    numbers = table[list(values)].apply(pd.to_numeric, errors="coerce")
    if not np.isfinite(numbers.to_numpy(float)).all():
        raise refused
    return table.assign(**numbers)


def _check(file: Path, program: str, tasks: Sequence[str], results: Path) -> None:
    """Whether the record beside `file` is of it and of the demonstrations that `results` has of its tasks."""
    beside, anew = file.with_suffix(".json"), f"write both anew by measure/{program}.py"
    if not beside.exists():
        raise UserError(f"{beside} is missing: nothing says what made the csv beside it; {anew}")
    record = read_record(beside, MeasuredRecord)
    if record.get("table") != file_digest(file):
        raise UserError(f"{beside} is not of the csv beside it; {anew}")
    for task in tasks:
        returns = read_record(results / task / demonstration_kinds.FOLDER / "returns.json", ReturnsRecord)
        if record.get("demonstrations") != returns.get("digest"):
            raise UserError(f"{file} is of other demonstrations of {task} than {results} has: measure it on those")
