"""BC: the expert's actions, cloned."""


use rule imitate as bc with:
    wildcard_constraints:
        method=of_method("bc"),
