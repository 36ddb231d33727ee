"""AdRIL: rewards by rounds, for SAC beside the expert."""


use rule imitate as adril with:
    wildcard_constraints:
        method=of_method("adril"),
