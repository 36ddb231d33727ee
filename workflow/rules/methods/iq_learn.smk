"""IQ-Learn: an inverse soft Q function."""


use rule imitate as iq_learn with:
    wildcard_constraints:
        method=of_method("iq_learn"),
