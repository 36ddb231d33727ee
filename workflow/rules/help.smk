"""Targets that print: what there is to make, how far it is, and whether a method keeps the contract."""


rule help:
    "This list."
    log:
        "logs/help.log",
    conda:
        ENVIRONMENT
    params:
        targets=lambda _: [f"{rule.name:15} {rule.docstring}" for rule in workflow.rules if rule.docstring],
    shell:
        "printf '%s\\n' {params.targets:q} | tee {log:q}"


rule status:
    "A table of runs: done, running, stopped, waiting; steps/s, last return, time left, attempts, node."
    log:
        "logs/status.log",
    conda:
        ENVIRONMENT
    shell:
        'python "$SUITE/src/status.py" "$@" | tee {log:q}'


rule check_method:
    "Check a method on the suite's contract: --config method=NAME."
    log:
        "logs/check_method.log",
    conda:
        ENVIRONMENT
    resources:
        **SHORT,
    params:
        method=lambda _: config.get("method", ""),
    shell:
        'python "$SUITE/src/check_method.py" --method {params.method:q} 2>&1 | tee -i {log:q}'
