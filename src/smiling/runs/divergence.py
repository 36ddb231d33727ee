"""Training that diverges: NaN and infinities are seen where they would do harm, and told with the rates to lower."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from torch import Tensor

from smiling.settings import Settings, UserError

NAN_PARAMETER = "but found invalid values"  # what torch's distributions say of one


class NotFinite(UserError):
    """Something that is learnt is NaN or infinite: `what` says so, `step` when, where that is known."""

    def __init__(self, what: str, step: int | None = None) -> None:
        self.what = what
        self.when = "" if step is None else f" at step {step}"
        super().__init__(f"training diverged{self.when}: {what}; lower its learning rate")


@contextmanager
def advised(rates: Mapping[str, float]) -> Iterator[None]:
    """Say which of the learning rates (`learning_rates`) to lower, largest first.

    Raises:
        UserError: for a `NotFinite`.
    """
    try:
        yield
    except NotFinite as error:
        named = [f"{name} (now {rate:g})" for name, rate in sorted(rates.items(), key=lambda item: -item[1])]
        lower = " or ".join(filter(None, (", ".join(named[:-1]), *named[-1:])))
        raise UserError(
            f"training diverged{error.when}: {error.what}; lower {lower}; what was saved before is kept"
        ) from None


def learning_rates(name: str, settings: Settings) -> dict[str, float]:
    """All learning rates among the settings that are called `name`, by their full names."""
    found: dict[str, float] = {}
    for field in type(settings).model_fields:
        value, full = getattr(settings, field), f"{name}.{field}"
        if isinstance(value, Settings):
            found |= learning_rates(full, value)
        elif field == "lr" or field.endswith("_lr"):
            found[full] = value
    return found


def check_finite(values: Mapping[str, float]) -> None:
    """Raise `NotFinite`, naming the first of the values that is NaN or infinite."""
    for name, value in values.items():
        if not math.isfinite(value):
            raise NotFinite(f"{name} is {value}")


def finite_actions(actions: Tensor) -> np.ndarray:
    """Actions for environments, as an array; `NotFinite` rather than a simulation that blows up."""
    array = actions.cpu().numpy()
    if not np.isfinite(array).all():
        raise NotFinite("an action is NaN or infinite")
    return array


def check_state(state: Any, name: str) -> None:
    """Raise `NotFinite`, naming a tensor in nested containers that holds a NaN or an infinity."""
    if isinstance(state, Tensor):
        if state.is_floating_point() and not bool(state.isfinite().all()):
            raise NotFinite(f"{name} is NaN or infinite")
    elif isinstance(state, Mapping | list | tuple):
        for key, part in state.items() if isinstance(state, Mapping) else enumerate(state):
            check_state(part, f"{name}.{key}")
