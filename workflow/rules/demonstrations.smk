"""Demonstrations: five trajectories of the expert and five held out, other numbers of them, or a file of the user's own.

`demonstrations_20` beside `demonstrations` has twenty.
"""

OWN = user_demonstrations()


rule collect:
    input:
        policy=f"{EXPERT}/policy.safetensors",
        standing=standing_of(f"{DEMOS}{{number}}"),
    output:
        **named_files(f"{DEMOS}{{number}}", "demonstrations.npz", "heldout.npz", "returns.json"),
    log:
        "logs/{experiment}/{task}/demonstrations{number}.log",
    benchmark:
        "logs/{experiment}/{task}/demonstrations{number}.benchmark.tsv"
    wildcard_constraints:
        number=r"(_[1-9]\d*)?",
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        **SHORT,
    params:
        number=lambda wildcards: ["--set", f"expert.trajectories={wildcards.number[1:]}"] if wildcards.number else [],
    shell:
        'python "$SUITE/src/collect_demonstrations.py" "$@" {params.number:q} --task {wildcards.task:q} --policy {input.policy:q} '
        '--out "$(dirname {output.returns:q})" 2>&1 | tee -i {log:q}'


if OWN:

    ruleorder: adopt > collect

    rule adopt:
        input:
            standing=standing_of(DEMOS),
        output:
            **named_files(DEMOS, "demonstrations.npz", "returns.json"),
        log:
            "logs/{experiment}/{task}/demonstrations.log",
        benchmark:
            "logs/{experiment}/{task}/demonstrations.benchmark.tsv"
        wildcard_constraints:
            task="|".join(OWN),
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            **SHORT,
        params:
            demos=lambda wildcards: OWN[wildcards.task],  # no input: the file's content counts, braces in its name do not
        shell:
            'python "$SUITE/src/collect_demonstrations.py" "$@" --task {wildcards.task:q} {params.demos:q} '
            '--out "$(dirname {output.returns:q})" 2>&1 | tee -i {log:q}'
