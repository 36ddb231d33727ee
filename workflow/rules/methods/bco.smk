"""BCO(0): behavioural cloning with inferred actions."""


use rule imitate as bco with:
    wildcard_constraints:
        method=of_method("bco"),
