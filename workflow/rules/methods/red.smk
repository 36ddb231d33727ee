"""RED: a random network distilled on the expert's states."""


use rule imitate as red with:
    wildcard_constraints:
        method=of_method("red"),
