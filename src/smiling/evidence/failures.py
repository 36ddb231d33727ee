"""Which jobs of a workflow failed, and the last that their logs say: from the workflow engine's own log."""

import re
from collections.abc import Iterator
from pathlib import Path

LAST_LINES = 5
ERROR = re.compile(r"^Error in (?:group job|rule) (\S+?):\n((?:[ \t]+.*\n?)*)", re.MULTILINE)
LOG = re.compile(r"^ +log: (.+?) \(check log file", re.MULTILINE)


def told(engine_log: str) -> Iterator[str]:
    """A line for each failed job that has a log, and the last lines of that."""
    for rule, block in ERROR.findall(engine_log):
        for log in (part.strip() for found in LOG.findall(block) for part in found.split(",")):
            yield f"failed: {rule}; its log {log} ends:"
            yield from (f"    {line}" for line in _last_lines(Path(log)))


def _last_lines(log: Path) -> list[str]:
    try:
        text = log.read_text(errors="replace")
    except OSError:
        return ["(there is no such file)"]
    return text.replace("\r", "\n").splitlines()[-LAST_LINES:] or ["(it is empty)"]
