"""How a method of the library is run. The methods' own rules are this one under their names: `use rule imitate as ...`."""


rule imitate:
    input:
        demonstrations=demonstrations_of(RUN),
        standing=standing_of(RUN),
    output:
        **named_files(RUN, "curve.csv", "run.json", "policy.safetensors"),
    log:
        f"logs/{RUN_NAME}.log",
    benchmark:
        f"logs/{RUN_NAME}.benchmark.tsv"
    wildcard_constraints:
        method=NOTHING,
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory_to_train(),
        runtime=minutes_to_train(),
        gpu=GPUS,
        seeds=lambda wildcards: wildcards.seed,
    shell:
        IMITATE
