"""The methods, one file each. A file is a method if it defines `METHOD`; its name is the file's.

A variant is a method under a few other settings: 'smiling-linear' is the variant 'linear' of 'smiling'.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from torch import Tensor

from smiling.settings import Settings, UserError


class LearnedReward:
    """What a method that rewards a solver offers. Features (n, feature) are states, or states with actions appended."""

    def prepare(self, name: str) -> None:
        """Learn what can be learnt before the learner's first step, once; `name` heads the progress report."""

    def update(self, draw: Callable[[int], Tensor]) -> dict[str, float]:
        """Learn from the learner; `draw(n)` gives n features drawn from the state buffer. Diagnostics to report."""
        raise NotImplementedError

    def pointwise(self, features: Tensor) -> Tensor:
        """The reward of each of (n, feature), (n,), as a function of that feature alone."""
        raise NotImplementedError

    def in_batch(self, rewards: Tensor) -> Tensor:
        """Pointwise rewards (n,) of a sampled batch as the solver gets them; a normalisation goes here."""
        return rewards

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next update depends on."""
        raise NotImplementedError

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Inverse of `state_dict`."""
        raise NotImplementedError


@dataclass(frozen=True)
class Method:
    """What the suite knows of a method: how it is drawn, set and run. `run` takes an `imitation.Imitation`."""

    label: str
    settings: type[Settings]
    run: Callable[[Any], None]
    variants: dict[str, dict[str, Any]] = field(default_factory=dict)
    sees_actions: bool = False  # whatever the kind of demonstrations
    takes_steps: bool = True  # in the environment; else its best checkpoint is what counts
    together: bool = False  # `run` can train several seeds in one process; what `imitation` trains always can


def bases() -> list[str]:
    """Names of the methods that have a file here."""
    return sorted(path.stem for path in Path(__file__).parent.glob("*.py") if path.stem != "__init__")


def names() -> list[str]:
    """Names of the methods that have a file here, and of their variants."""
    return [name for base in bases() for name in (base, *(f"{base}-{variant}" for variant in load(base).variants))]


def base(name: str) -> str:
    """The method of which `name` is a variant, or `name` itself."""
    return name.partition("-")[0]


def source(name: str) -> Path:
    """The file of a method.

    Raises:
        UserError: for a method that has none.
    """
    path = Path(__file__).with_name(f"{base(name)}.py")
    if base(name) == "__init__" or not path.is_file():
        raise UserError(f"unknown method '{name}'; known methods: {', '.join(names())}")
    return path


def load(name: str) -> Method:
    """The method called `name`, or that `name` is a variant of.

    Raises:
        UserError: for a name that is not a method's or a variant's.
    """
    source(name)
    method: Method = import_module(f"{__name__}.{base(name)}").METHOD
    variant = name.partition("-")[2]
    if "-" in name and variant not in method.variants:
        raise UserError(f"unknown method '{name}'; known methods: {', '.join(names())}")
    return method


def label(name: str) -> str:
    """The legend's name of a method; a variant says which it is."""
    variant = name.partition("-")[2].replace("_", " ")
    return load(name).label + (f" ({variant})" if variant else "")


def variant_settings(name: str) -> dict[str, Any]:
    """What the variant changes in the method's settings; nothing for the method itself."""
    return load(name).variants[name.partition("-")[2]] if "-" in name else {}
