"""Code of a user's own: modules that may lie where the command was given, and what is in them."""

import os
import sys
from importlib import import_module
from operator import attrgetter
from types import ModuleType
from typing import Any


def module(name: str) -> ModuleType:
    """The module of that name, looked for in the working folder too.

    Raises:
        Exception: whatever its code raises; ModuleNotFoundError, if there is none.
    """
    here = os.getcwd()
    if here not in sys.path:
        sys.path.append(here)  # for good: it may import others of its folder later
    return import_module(name)


def attribute(found: ModuleType, path: str) -> Any:
    """What a module has under a name, which may be one of dots: 'Class.method'.

    Raises:
        AttributeError: if it has none.
    """
    return attrgetter(path)(found)
