"""SMILING: the difference of two score models as cost."""


use rule imitate as smiling with:
    wildcard_constraints:
        method=of_method("smiling"),
