"""DreamerV3 with settings small enough to be trained within a test."""

from smiling.solvers.dreamer.settings import DreamerSettings

TINY = DreamerSettings(
    width=16,
    depth=1,
    encoder_width=16,
    encoder_depth=1,
    recurrent=16,
    categoricals=4,
    classes=4,
    batch=4,
    sequence=8,
    horizon=3,
    env_steps_per_update=50,
    first_update=1000,
    replay_capacity=6000,
)
