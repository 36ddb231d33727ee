"""PWIL: an episode coupled greedily to the demonstrations."""


use rule imitate as pwil with:
    wildcard_constraints:
        method=of_method("pwil"),
