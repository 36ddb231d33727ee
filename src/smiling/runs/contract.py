"""What a method's run must leave behind, whoever wrote it: the contract of `curve.csv` and `run.json`."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, FiniteFloat, ValidationError

from smiling.settings import UserError

RECORDED = {
    "settings": "the settings in full",
    "wall_seconds": "how long it took",
    "provenance": "what made it: command, versions, commit",
}
TYPES = {  # as pydantic names what it misses
    "model_type": "an object",
    "dict_type": "an object",
    "list_type": "a list",
    "string_type": "a text",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
}
SHOWN = 60  # characters of a value that has another type


class Record(BaseModel):
    """A record, or a part of one. What the suite reads of it has these types; it may leave out any, or say null."""

    model_config = ConfigDict(strict=True, extra="allow")


class _Git(Record):
    commit: str | None = None
    modified: bool | None = None


class _Hardware(Record):
    processor: str | None = None
    gpu: str | None = None


class _Provenance(Record):
    command: str | None = None
    commit: str | None = None  # of programs that have no `git` beside it
    git: _Git | None = None
    python: str | None = None
    versions: dict[str, str | None] | None = None
    hardware: _Hardware | None = None


class _Attempt(Record):
    node: str | None = None
    job: str | None = None


class _Bits(Record):
    alike: str | None = None


class RunRecord(Record):
    """`run.json`."""

    label: str | None = None
    method: str | None = None
    task: str | None = None
    demos_kind: str | None = None
    seed: int | None = None
    settings: dict[str, Any] | None = None
    demonstrations: str | None = None
    curve: str | None = None
    code: str | None = None
    bits: _Bits | None = None
    provenance: _Provenance | None = None
    attempts: list[_Attempt] | None = None
    wall_seconds: FiniteFloat | None = None
    processor_seconds: FiniteFloat | None = None
    steps_per_second: FiniteFloat | None = None
    final_return: FiniteFloat | None = None


class ReturnsRecord(Record):
    """A demonstrations folder's `returns.json`."""

    task: str | None = None
    expert_return: FiniteFloat | None = None
    random_return: FiniteFloat | None = None
    random_episodes: list[FiniteFloat] | None = None
    settings: dict[str, Any] | None = None
    file: str | None = None
    subset: dict[str, int | None] | None = None
    demonstrations: list[FiniteFloat] | None = None
    lengths: list[int] | None = None
    digest: str | None = None
    code: str | None = None


class MeasuredRecord(Record):
    """What stands beside a csv that a program of src/measure wrote."""

    table: str | None = None
    demonstrations: str | None = None


def read_record(path: Path, kind: type[Record] = RunRecord) -> dict[str, Any]:
    """A record of a kind, as it is in its file.

    Raises:
        UserError: naming the file and, if what it says has another type than the suite reads, the key.
    """
    try:
        record = json.loads(path.read_text())
    except FileNotFoundError:
        raise UserError(
            f"{path} is missing: nothing says how that was made; delete its folder to make it anew, or leave it out"
        ) from None
    except (ValueError, RecursionError):  # of a decoder, of text or of numbers
        raise UserError(f"{path} is not JSON; delete its folder to make it anew") from None
    if not isinstance(record, dict):
        raise UserError(f"{path} is not a JSON object; delete its folder to make it anew")
    if found := type_problems(record, kind):
        raise UserError(f"{path}: {'; '.join(found)}")
    return record


def type_problems(record: dict[str, Any], kind: type[Record] = RunRecord) -> list[str]:
    """Sentences on what a record says in another type than the suite reads: key, value, and what it should be."""
    try:
        kind.model_validate(record)
    except ValidationError as error:
        return [
            f"'{'.'.join(map(str, item['loc']))}' is {_short(item['input'])}; it should be {TYPES[item['type']]}"
            for item in error.errors()
        ]
    return []


def commit_of(provenance: dict[str, Any]) -> str | None:
    """The commit that a record's provenance names: the suite's says `git`, another's may say `commit` alone."""
    return (provenance.get("git") or {}).get("commit") or provenance.get("commit")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def problems(run: Path, steps: int | None, every: int) -> list[str]:
    """Sentences on what is wrong with a finished run, none if all is well.

    Args:
        run: the run's folder.
        steps: environment steps at which the curve must end; None for a method that takes none.
        every: environment steps from one evaluation to the next.
    """
    return file_problems(run) or grid_problems(run, steps, every)


def file_problems(run: Path) -> list[str]:
    """What is wrong with a run's files, whatever the steps of its curve."""
    return _curve_problems(run / "curve.csv") + _record_problems(run / "run.json")


def grid_problems(run: Path, steps: int | None, every: int) -> list[str]:
    """What is wrong with the steps of a whole curve; `steps` and `every` as in `problems`."""
    grid = pd.read_csv(run / "curve.csv")["env_step"].to_numpy(float)
    if grid[0] != 0 or (np.diff(grid) <= 0).any() or len(grid) < 2:
        return ["curve.csv: env_step must begin at 0 and rise, over two rows at least"]
    if steps is not None and not np.array_equal(grid, evaluated_at(steps, every)):
        return [f"curve.csv: env_step must be 0, {every}, {2 * every}, ... up to {steps}, as the other methods' is"]
    return []


def evaluated_at(steps: int, every: int) -> list[int]:
    """Environment steps at which a run of `steps` is evaluated."""
    return sorted({*range(0, steps + 1, every), steps})


def _curve_problems(path: Path) -> list[str]:
    if not path.is_file():
        return ["curve.csv is missing"]
    try:
        curve = pd.read_csv(path)
    except ValueError:  # pandas' own are such, and a decoder's
        return ["curve.csv is not a table"]
    missing = [name for name in ("env_step", "return") if name not in curve]
    if missing:
        return [f"curve.csv lacks the column {' and '.join(missing)}"]
    if curve.empty:
        return ["curve.csv has no row"]
    numbers = curve[["env_step", "return"]].apply(pd.to_numeric, errors="coerce").to_numpy(float)
    names = [
        name for name, column in zip(("env_step", "return"), numbers.T, strict=True) if not np.isfinite(column).all()
    ]
    return [f"curve.csv has a {name} that is not a finite number" for name in names]


def _record_problems(path: Path) -> list[str]:
    if not path.is_file():
        return ["run.json is missing"]
    try:
        record = json.loads(path.read_text())
    except (ValueError, RecursionError):
        return ["run.json is not JSON"]
    if not isinstance(record, dict):
        return ["run.json is not a JSON object"]
    lacking = [f"run.json lacks '{name}', {meaning}" for name, meaning in RECORDED.items() if record.get(name) is None]
    return lacking + [f"run.json: {found}" for found in type_problems(record)]
