"""SQIL: rewards of 1 for the expert, 0 for the learner."""


rule sqil:
    input:
        demonstrations=f"{DEMOS}/demonstrations.npz",
    output:
        **named_files(RUN, "curve.csv", "run.json", "policy.safetensors"),
    log:
        f"logs/{RUN_NAME}.log",
    benchmark:
        f"logs/{RUN_NAME}.benchmark.tsv"
    wildcard_constraints:
        method=of_method("sqil"),
    conda:
        ENVIRONMENT
    threads: 1
    params:
        settings=run_settings,
        code=code("imitate.py"),
    shell:
        IMITATE
