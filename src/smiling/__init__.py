"""Imitation learning by score matching: SMILING (arXiv 2410.13855), its baselines, and the solvers beneath them.

What a researcher imports is listed in `__init__.pyi`, and imported when it is used: `import smiling` is quick and loads
neither MuJoCo nor a plotting library nor a solver. docs/library.md shows it at work.
"""

import lazy_loader

__version__ = "0.1.0"
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__all__ += ["__version__"]
