"""SQIL: rewards of 1 for the expert, 0 for the learner."""


use rule imitate as sqil with:
    wildcard_constraints:
        method=of_method("sqil"),
