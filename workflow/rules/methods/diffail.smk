"""DiffAIL: a diffusion model's loss as discriminator."""


rule diffail:
    input:
        demonstrations=f"{DEMOS}/demonstrations.npz",
    output:
        **named_files(RUN, "curve.csv", "run.json", "policy.safetensors"),
    log:
        f"logs/{RUN_NAME}.log",
    benchmark:
        f"logs/{RUN_NAME}.benchmark.tsv"
    wildcard_constraints:
        method=of_method("diffail"),
    conda:
        ENVIRONMENT
    threads: 1
    params:
        settings=run_settings,
        code=code("imitate.py"),
    shell:
        IMITATE
