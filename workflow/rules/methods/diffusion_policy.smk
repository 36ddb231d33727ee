"""Diffusion policy: the expert's actions, cloned by denoising."""


use rule imitate as diffusion_policy with:
    wildcard_constraints:
        method=of_method("diffusion_policy"),
