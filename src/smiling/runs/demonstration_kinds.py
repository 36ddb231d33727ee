"""Kinds of demonstrations: what of them may be seen, and how many trajectories there are.

'states' and 'state_actions' have as many as the experiment says (`expert.trajectories`); 'states_20' has twenty.
"""

import re
from typing import NamedTuple

from smiling.settings import UserError

PATTERN = r"(states|state_actions)(?:_([1-9]\d{0,3}))?"
FOLDER = "demonstrations"  # of a task's results


class DemonstrationKind(NamedTuple):
    """What its name says."""

    with_actions: bool
    trajectories: int | None  # None: as many as the experiment says

    @property
    def folder(self) -> str:
        """The folder of its demonstrations, beside those of the task's other kinds."""
        return FOLDER if self.trajectories is None else f"{FOLDER}_{self.trajectories}"


def of_folder(name: str) -> DemonstrationKind | None:
    """The kind whose demonstrations a folder of that name holds, if it is such a name; of states."""
    trajectories = name.removeprefix(FOLDER)
    found = re.fullmatch(PATTERN, f"states{trajectories}") if name.startswith(FOLDER) else None
    return parse(found[0]) if found else None


def parse(name: str) -> DemonstrationKind:
    """The kind called `name`.

    Raises:
        UserError: if there is none.
    """
    found = re.fullmatch(PATTERN, name)
    if not found:
        raise UserError(f"no kind of demonstrations is called '{name}'; write states, state_actions, or states_20")
    return DemonstrationKind(found[1] == "state_actions", int(found[2]) if found[2] else None)
