"""Behavioural cloning: maximum likelihood (or squared error) of the expert's actions under the solver's actor.

It takes no environment step; its curve's `env_step` column counts policy updates, as SAC's counts both.
"""

from smiling.cloning import ActorCloning, ActorCloningSettings, clone
from smiling.imitation import Imitation
from smiling.methods import Method
from smiling.runs.seeding import derive


class BCSettings(ActorCloningSettings):
    """Those of cloning, as they are."""


def run(imitation: Imitation) -> None:
    """Clone the demonstrated actions."""
    (seed,) = imitation.seeds
    clone(ActorCloning(imitation, imitation.settings, *imitation.expert_pairs(), derive(seed, "bc")), imitation)


METHOD = Method(
    "BC", BCSettings, run, variants={"squared_error": {"loss": "squared_error"}}, sees_actions=True, takes_steps=False
)
