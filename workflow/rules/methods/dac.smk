"""DAC: a discriminator as reward."""


use rule imitate as dac with:
    wildcard_constraints:
        method=of_method("dac"),
