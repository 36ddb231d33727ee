"""Independent streams of randomness, all derived from a run's one seed."""

import zlib

import numpy as np


def derive(seed: int, *path: str | int) -> int:
    """A 31-bit seed for the stream that `path` names, e.g. `derive(3, "episode", 12)`."""
    key = [zlib.crc32(str(part).encode()) for part in path]
    return int(np.random.SeedSequence([seed, *key]).generate_state(1)[0] >> 1)
