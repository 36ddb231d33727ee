"""How a method of the library is run. The methods' own rules are this one under their names: `use rule imitate as ...`."""


rule imitate:
    input:
        demonstrations=f"{DEMOS}/demonstrations.npz",
    output:
        **named_files(RUN, "curve.csv", "run.json", "policy.safetensors"),
    log:
        f"logs/{RUN_NAME}.log",
    benchmark:
        f"logs/{RUN_NAME}.benchmark.tsv"
    wildcard_constraints:
        method=NO_METHOD,
    conda:
        ENVIRONMENT
    threads: 1
    params:
        settings=run_settings,
        code=code("imitate.py"),
    shell:
        IMITATE
