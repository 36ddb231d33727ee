"""HumanoidBench's tasks on current MuJoCo."""

from copy import copy
from typing import Any

import gymnasium
import mujoco
import numpy as np
from gymnasium.utils import seeding

from envs import EPISODE_STEPS
from envs.humanoid_bench.rewards import FALLEN_BELOW, REWARDS
from envs.humanoid_bench.scenes import model
from envs.humanoid_bench.state import StateReader
from envs.rendering import RenderedTask

PHYSICS_STEPS = 10  # of 2 ms each, for one step of control
RESET_NOISE = 0.01


class HumanoidBenchTask(RenderedTask):
    """A task of HumanoidBench for the Unitree H1 without hands.

    Observation (51): pelvis position (m) and quaternion, 19 joint angles (rad), pelvis velocity (m/s, world frame) and
    angular velocity (rad/s, body frame), 19 joint velocities (rad/s). Action (19): target angles, [-1, 1] spanning
    each joint's range, held for 20 ms. `info` of a step has the parts of the reward, `reward_parts`, and whether the
    original would have ended the episode here, `would_terminate`.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 50}

    def __init__(self, task: str, seed: int, early_termination: bool = False, render_mode: str | None = None) -> None:
        self.render_mode = render_mode
        self.model = copy(model(task))  # its own, so that a user may alter it
        self.data = mujoco.MjData(self.model)
        self._reward, self._fallen_below = REWARDS[task], FALLEN_BELOW[task]
        self._read = StateReader(self.model)
        self._early_termination = early_termination
        self._lowest, highest = self.model.actuator_ctrlrange.T.copy()
        self._half_range = (highest - self._lowest) / 2
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (self.model.nq + self.model.nv,), np.float32)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (self.model.nu,), np.float32)
        self._np_random, self._np_random_seed = seeding.np_random(seed)
        self._step = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self._step = 0
        mujoco.mj_resetDataKeyframe(self.model, self.data, 0)
        self.data.qpos += self.np_random.uniform(-RESET_NOISE, RESET_NOISE, self.model.nq)
        # MuJoCo 3.1.6, which the original runs on, normalises the quaternion in `qpos` by itself; later ones do not.
        mujoco.mju_normalize4(self.data.qpos[3:7])
        mujoco.mj_forward(self.model, self.data)
        return self._observation(), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        # No clipping: MuJoCo clamps targets to the joints' ranges.
        self.data.ctrl[:] = self._lowest + (np.asarray(action, np.float64) + 1) * self._half_range
        mujoco.mj_step(self.model, self.data, PHYSICS_STEPS)
        self._step += 1
        reward, parts = self._reward(self._read(self.data))
        would_terminate = bool(self.data.qpos[2] < self._fallen_below)
        info = {"reward_parts": parts, "would_terminate": would_terminate}
        terminated = would_terminate and self._early_termination
        return self._observation(), reward, terminated, self._step >= EPISODE_STEPS, info

    def _observation(self) -> np.ndarray:
        return np.concatenate((self.data.qpos, self.data.qvel), dtype=np.float32)

    def _scene(self) -> tuple[mujoco.MjModel, mujoco.MjData, str]:
        return self.model, self.data, "track"


def make(task: str, seed: int, **options: Any) -> gymnasium.Env:
    """`task` is HumanoidBench's name without robot and version: 'sit_simple'."""
    return HumanoidBenchTask(task, seed=seed, **options)
