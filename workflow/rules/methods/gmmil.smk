"""GMMIL: the maximum mean discrepancy's witness function as reward."""


use rule imitate as gmmil with:
    wildcard_constraints:
        method=of_method("gmmil"),
