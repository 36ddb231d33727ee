"""What a step of training costs on this machine, and what a figure's runs would take. Nothing else runs meanwhile."""


rule measure_throughput:
    output:
        multiext(f"{THROUGHPUT}/steps", ".csv", ".json", ".md", ".html", ".tex"),
    log:
        "logs/{experiment}/throughput_steps.log",
    benchmark:
        "logs/{experiment}/throughput_steps.benchmark.tsv"
    conda:
        ENVIRONMENT
    threads: WHOLE_MACHINE
    resources:
        mem_mb=memory,
        runtime=jobs.WHOLE_MACHINE_MINUTES,
        gpu=GPUS,
    params:
        settings=lambda _: MEASURED_SETTINGS,
        code=code("measure/throughput.py"),
    shell:
        'python "$SUITE/src/measure/throughput.py" "$@" --out figures/{wildcards.experiment:q}/throughput/steps '
        "2>&1 | tee -i {log:q}"


rule measure_cost:
    output:
        f"{THROUGHPUT}/costs.csv",
    log:
        "logs/{experiment}/throughput_costs.log",
    benchmark:
        "logs/{experiment}/throughput_costs.benchmark.tsv"
    conda:
        ENVIRONMENT
    threads: WHOLE_MACHINE
    resources:
        mem_mb=memory,
        runtime=jobs.WHOLE_MACHINE_MINUTES,
    params:
        code=code("measure/cost.py"),
    shell:
        'python "$SUITE/src/measure/cost.py" "$@" --out {output:q} 2>&1 | tee -i {log:q}'


rule draw_throughput:
    input:
        steps=f"{THROUGHPUT}/steps.csv",
        costs=f"{THROUGHPUT}/costs.csv",
    output:
        multiext(f"{THROUGHPUT}/throughput", ".png", ".pdf"),
    log:
        "logs/{experiment}/throughput.log",
    benchmark:
        "logs/{experiment}/throughput.benchmark.tsv"
    conda:
        ENVIRONMENT
    resources:
        **SHORT,
    params:
        code=code("measure/draw_throughput.py"),
    shell:
        'python "$SUITE/src/measure/draw_throughput.py" "$@" --throughput {input.steps:q} --costs {input.costs:q} '
        "--out figures/{wildcards.experiment:q}/throughput/throughput 2>&1 | tee -i {log:q}"


rule forecast:
    "What Figure 3 would take: jobs, hours, disk; days on NODES by --config nodes=4,16."
    input:
        str((forecast.first_measured(EXPERIMENT, MEASUREMENTS) or MEASUREMENTS)[0]),
    log:
        "logs/forecast.log",
    conda:
        ENVIRONMENT
    params:
        cores=lambda _: jobs_side_by_side(),
        nodes=lambda _: ["--nodes", str(config["nodes"])] if "nodes" in config else [],
    shell:
        'python "$SUITE/src/forecast.py" "$@" --throughput {input:q} --cores {params.cores} {params.nodes:q} 2>&1 | tee -i {log:q}'
