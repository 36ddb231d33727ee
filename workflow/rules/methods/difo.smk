"""DIFO: a discriminator of transitions from a diffusion model's two errors."""


use rule imitate as difo with:
    wildcard_constraints:
        method=of_method("difo"),
