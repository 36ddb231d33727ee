"""Imitation learning by score matching: SMILING (arXiv 2410.13855), its baselines, and the solvers beneath them."""
