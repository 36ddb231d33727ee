"""What a source file means, whatever its layout and whichever Python reads it. Needs the standard library alone."""

import ast
from typing import Any

# Where a name is read or written follows from its place; `kind` is the u of u"..."; comments on types are comments.
LEFT_OUT = ("ctx", "kind", "type_comment")


def meaning(source: str) -> str:
    """The syntax tree as text, without docstrings, comments and layout.

    Fields that are empty are left out: a new version of Python adds some to its trees.
    """
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return _written(tree)


def _written(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_written(item) for item in value)}]"
    if not isinstance(value, ast.AST):
        return repr(value)
    fields = ((name, part) for name, part in ast.iter_fields(value) if name not in LEFT_OUT)
    kept = (f"{name}={_written(part)}" for name, part in fields if part is not None and part != [])
    return f"{type(value).__name__}({', '.join(kept)})"
