"""Snakemake's own report of everything that is drawn: one HTML file, which needs nothing beside it."""


rule write_report:
    input:
        *ARTEFACTS,
    output:
        "figures/{experiment}/report.html",
    log:
        "logs/{experiment}/report.log",
    benchmark:
        "logs/{experiment}/report.benchmark.tsv"
    conda:
        ENVIRONMENT
    resources:
        **SHORT,
    params:
        config=lambda _: CONFIG_FLAGS,
    shell:
        # Another process of Snakemake's, on the same configuration; the lock is this one's.
        'snakemake --nolock --snakefile "$SUITE/Snakefile" --report {output:q} {params.config} -- artefacts '
        "2>&1 | tee -i {log:q}"
