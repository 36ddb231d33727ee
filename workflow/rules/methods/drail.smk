"""DRAIL: a discriminator from a diffusion model's two errors."""


use rule imitate as drail with:
    wildcard_constraints:
        method=of_method("drail"),
