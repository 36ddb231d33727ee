"""Pages to read: Markdown, and the same as HTML for Snakemake's report."""

from html import escape
from pathlib import Path

from markdown_it import MarkdownIt

from smiling.runs.artefacts import named, write_text

LOOKS = """body { font: 15px/1.5 sans-serif; margin: 2em; max-width: 75em }
table { border-collapse: collapse; margin: 1em 0 }
th, td { border-bottom: 1px solid #ccc; padding: 0.25em 0.8em; text-align: left }
pre { background: #f4f4f4; padding: 0.8em; overflow: auto }"""


def counted(number: int, name: str) -> str:
    """'1 seed', '5 seeds'."""
    return f"{number} {name}{'' if number == 1 else 's'}"


def write(out: Path, text: str) -> None:
    """Write Markdown `text` as `out`.md and `out`.html, each whole."""
    body = MarkdownIt("commonmark").enable("table").render(text)
    page = f'<!DOCTYPE html>\n<meta charset="utf-8">\n<title>{escape(out.name)}</title>\n<style>{LOOKS}</style>\n{body}'
    write_text(named(out, ".md"), text)
    write_text(named(out, ".html"), page)
