"""The scales' files: what of the settings a scale has otherwise than the paper."""

import re
from pathlib import Path
from typing import Any

from smiling.overrides import read_yaml
from smiling.runs.provenance import ROOT
from smiling.settings import NAME, UserError, merge, shown

# The scales' files: the source tree's, or those that were installed with the package.
SCALES = next(filter(Path.is_dir, (ROOT / "workflow" / "config" / "scales", Path(__file__).with_name("scales"))))
OF_OWN_TASKS = "own_task"  # the key under which a scale has what tasks of a user's own do not say themselves


def scale_names() -> list[str]:
    """Scales that have a file."""
    return sorted(path.stem for path in SCALES.glob("*.yaml"))


def read_scale(scale: str, above: tuple[str, ...] = ()) -> dict[str, Any]:
    """The values of a scale's file, over those of the scale that it names as its `base`, if it names one.

    Raises:
        UserError: if there is no such scale, or it is its own base.
    """
    if scale in scale_names() and not re.fullmatch(NAME, scale):
        raise UserError(f"scale '{scale}' cannot name a folder: rename its file with letters, digits and - _ . only")
    if scale not in scale_names():
        raise UserError(f"unknown scale '{scale}'; known scales: {', '.join(scale_names())}")
    if scale in above:
        raise UserError(f"scale '{scale}' is its own base: {' -> '.join((*above, scale))}; mend 'base' in one of them")
    file = SCALES / f"{scale}.yaml"
    values = read_yaml(file.read_text(), str(file)) or {}
    if not isinstance(values, dict):
        raise UserError(f"{file} holds no settings: write 'key: value' lines")
    base = values.pop("base", None)
    return values if base is None else merge(read_scale(str(base), (*above, scale)), values)


def with_defaults(values: dict[str, Any]) -> dict[str, Any]:
    """Settings in which tasks of the user's own have what the scale has for those that do not say it: `own_task`."""
    kept = {key: value for key, value in values.items() if key != OF_OWN_TASKS}
    default, tasks = values.get(OF_OWN_TASKS, {}), values.get("tasks")
    if not isinstance(default, dict):
        raise UserError(f"setting 'own_task' is {shown(default)}: write what tasks of your own have, such as env_steps")
    if isinstance(tasks, dict):
        own = {name: merge(default, task) for name, task in tasks.items() if isinstance(task, dict) and task.get("env")}
        kept["tasks"] = tasks | own
    return kept
