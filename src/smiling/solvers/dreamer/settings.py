"""Settings of DreamerV3."""

from pydantic import Field, model_validator

import envs
from smiling.settings import Settings


class DreamerSettings(Settings):
    """HumanoidBench's DreamerV3 (block `humanoid_benchmark` of its configuration) with the paper's two environments.

    What is not here is a constant beside the code that reads it.
    """

    num_envs: int = Field(2, ge=1, description="environments that step side by side")
    width: int = Field(640, ge=1, description="units of each hidden layer but the encoder's and decoder's")
    depth: int = Field(3, ge=1, description="hidden layers of actor, critic and the heads of the world model")
    encoder_width: int = Field(1024, ge=1, description="units of each hidden layer of encoder and decoder")
    encoder_depth: int = Field(5, ge=1, description="hidden layers of encoder and decoder")
    recurrent: int = Field(1024, ge=1, description="size of the deterministic state")
    categoricals: int = Field(32, ge=1, description="variables of the stochastic state")
    classes: int = Field(32, ge=2, description="values of each of them")
    batch: int = Field(16, ge=1, description="sequences in an update")
    sequence: int = Field(64, ge=2, description="steps of a sequence")
    horizon: int = Field(15, ge=1, description="steps imagined from each state of a batch")
    env_steps_per_update: int = Field(16, ge=1, description="train ratio 64 = batch x sequence / this")
    first_update: int = Field(142, ge=1, description="environment steps before the first update: 16 sequences of 64")
    model_lr: float = Field(1e-4, gt=0)
    actor_lr: float = Field(3e-5, gt=0)
    critic_lr: float = Field(3e-5, gt=0)
    kl_dynamic: float = Field(0.5, ge=0)
    kl_representation: float = Field(0.1, ge=0)
    free_nats: float = Field(1.0, ge=0)
    discount: float = Field(1 - 1 / 333, gt=0, lt=1)
    trace: float = Field(0.95, ge=0, le=1, description="lambda of the returns")
    entropy: float = Field(3e-4, ge=0, description="weight of the actor's entropy")
    tau: float = Field(0.02, gt=0, le=1, description="share of the critic that moves into its target each update")
    replay_capacity: int = Field(1_000_000, ge=1, description="environment steps, of all environments together")
    mixed_precision: bool = Field(True, description="bfloat16 where it is safe, on a GPU; a CPU computes in float32")

    @model_validator(mode="after")
    def _steps_fit(self) -> "DreamerSettings":
        if envs.ROUND_STEPS % self.num_envs:
            raise ValueError(f"num_envs is {self.num_envs}: it must divide a round's {envs.ROUND_STEPS} steps")
        for name in ("env_steps_per_update", "first_update"):
            if getattr(self, name) % self.num_envs:
                raise ValueError(f"{name} is {getattr(self, name)}: it must be a multiple of num_envs, {self.num_envs}")
        if self.first_update < self.sequence * self.num_envs:
            raise ValueError(f"first_update is {self.first_update}: too early for sequences of {self.sequence} steps")
        if self.replay_capacity < 2 * self.sequence * self.num_envs:
            raise ValueError(f"replay_capacity is {self.replay_capacity}: too small for sequences of {self.sequence}")
        return self

    @property
    def round_steps(self) -> int:
        """Environment steps of a round in every environment."""
        return self.num_envs * envs.ROUND_STEPS
