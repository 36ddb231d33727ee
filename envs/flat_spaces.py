"""Spaces of a user's own environment as flat vectors: which are served, an observation's parts, actions scaled."""

import math
import reprlib
import textwrap
from collections.abc import Iterator
from typing import Any

import numpy as np
from gymnasium import spaces

from envs import UnusableTask

LARGEST_WHOLE = 2**53  # of an action: up to there float64 has every whole number
LONGEST_SHOWN = 200  # characters of a space in a sentence
PIXELS = np.uint8, 2  # the type, and from how many axes on, of what is taken for an image


def scaled(action: np.ndarray, controls: spaces.Box) -> np.ndarray:
    """`action` of [-1, 1]^A, clipped to that, between the bounds of `controls`, in their shape and type."""
    low, high = controls.low.astype(np.float64), controls.high.astype(np.float64)
    control = (high + low) / 2 + (high - low) / 2 * np.clip(action, -1.0, 1.0).reshape(controls.shape)
    is_whole = np.issubdtype(controls.dtype, np.integer)
    return np.clip((np.rint(control) if is_whole else control).astype(controls.dtype), controls.low, controls.high)


def boxes(name: str, space: spaces.Space) -> Iterator[spaces.Box]:
    """The Boxes that an observation consists of, in their order."""
    if isinstance(space, spaces.Dict):
        for part in space.spaces.values():
            yield from boxes(name, part)
    elif isinstance(space, spaces.Tuple):
        for part in space.spaces:
            yield from boxes(name, part)
    elif not isinstance(space, spaces.Box):
        raise UnusableTask(f"task '{name}' has observations of {shown(space)}: Boxes and Dicts of them are served")
    elif space.dtype == PIXELS[0] and len(space.shape) >= PIXELS[1]:
        raise UnusableTask(f"task '{name}' has pixels for observations, {shown(space)}: they are not served")
    else:
        yield space


def parts(space: spaces.Space, observation: Any) -> Iterator[np.ndarray]:
    """An observation's arrays, in the order of `boxes`."""
    if isinstance(space, spaces.Dict):
        for key, part in space.spaces.items():
            yield from parts(part, observation[key])
    elif isinstance(space, spaces.Tuple):
        for part, observed in zip(space.spaces, observation, strict=True):
            yield from parts(part, observed)
    else:
        yield np.asarray(observation)


def controls(name: str, space: spaces.Space) -> spaces.Box:
    """The actions' Box, which has bounds to scale to."""
    if not isinstance(space, spaces.Box):
        raise UnusableTask(f"task '{name}' has actions of {shown(space)}: a Box with bounds is served")
    with np.errstate(over="ignore"):
        bounded = np.isfinite(space.high.astype(np.float64) - space.low.astype(np.float64)).all()
    if not bounded:
        raise UnusableTask(f"task '{name}' has actions without bounds, {shown(space)}: [-1, 1] is to be scaled to some")
    if not (math.prod(space.shape) and (space.low < space.high).all()):
        raise UnusableTask(f"task '{name}' has actions that leave no choice, {shown(space)}")
    is_whole = np.issubdtype(space.dtype, np.integer)
    if is_whole and max(abs(int(bound)) for bound in (*space.low.flat, *space.high.flat)) > LARGEST_WHOLE:
        raise UnusableTask(
            f"task '{name}' has actions of whole numbers beyond 2**53, {shown(space)}: give them narrower bounds"
        )
    return space


def shown(space: spaces.Space) -> str:
    """A space in one line that is not long."""
    return textwrap.shorten(str(space), LONGEST_SHOWN)


def brief(value: Any) -> str:
    """A value in one line that is not long."""
    return " ".join(reprlib.repr(value).split())
