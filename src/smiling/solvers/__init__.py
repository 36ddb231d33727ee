"""The solvers: what the task's reward or a learned one is given to. The one place that knows their names.

A solver is a module with `start(task, settings, training, seeds, solver_seeds, rewards, with_actions)`, which gives a
`training.Loop`. It is imported when a run needs it.
"""

from collections.abc import Callable
from importlib import import_module

from smiling.training import Loop

MODULES = {"sac": "smiling.solvers.sac.training", "dreamer": "smiling.solvers.dreamer.training"}
TOGETHER = {"sac"}  # those that train several seeds in one process


def load(name: str) -> Callable[..., Loop]:
    """`start` of the solver called `name`, a key of `MODULES`."""
    return import_module(MODULES[name]).start
