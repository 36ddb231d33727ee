"""DreamerV3, the solver of the HumanoidBench tasks, as HumanoidBench runs it (docs/dreamer.md)."""
