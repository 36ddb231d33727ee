"""Soft actor-critic: networks, the agent, its replay and its loop; and the same for IQ-Learn's and SQIL's critics."""
