"""DiffAIL: a diffusion model's loss as discriminator."""


use rule imitate as diffail with:
    wildcard_constraints:
        method=of_method("diffail"),
