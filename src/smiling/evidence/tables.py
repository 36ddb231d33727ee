"""Tables for people, papers and programs: Markdown and HTML, LaTeX (booktabs) and csv of one data frame."""

import math
from pathlib import Path

import pandas as pd

from smiling.evidence import pages
from smiling.runs.artefacts import named, whole, write_text


def write(table: pd.DataFrame, out: Path, caption: str) -> None:
    """Write `out`.md, .html, .tex and .csv, each whole; numbers in full in the csv, as they are shown in the others."""
    with whole(named(out, ".csv")) as temporary:
        table.to_csv(temporary, index=False)
    shown = table.map(as_shown)
    pages.write(out, f"{shown.to_markdown(index=False, disable_numparse=True)}\n\n{caption}\n")
    write_text(named(out, ".tex"), latex(shown, caption))


def as_shown(value: object) -> str:
    """A cell for people: four digits, and a dash for what there is none of."""
    if isinstance(value, float):
        return "-" if math.isnan(value) else f"{value:.4g}"
    return str(value)


def latex(table: pd.DataFrame, caption: str) -> str:
    """A floating table for a document that uses booktabs."""
    body = table.map(escaped).rename(columns=escaped)
    return body.to_latex(index=False, escape=False, caption=escaped(caption), position="tb")


def escaped(text: str) -> str:
    """`text` with the characters that LaTeX takes for itself written so that it prints them."""
    for character in "&%$#_{}":
        text = text.replace(character, f"\\{character}")
    return text
