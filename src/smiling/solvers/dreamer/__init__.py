"""DreamerV3, the solver of the HumanoidBench tasks: our own loop around the building blocks of sheeprl's.

Only `settings` is imported before a run needs the solver: sheeprl takes seconds to load.
"""
