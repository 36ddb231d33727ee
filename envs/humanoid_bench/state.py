"""Reading from MuJoCo what the rewards need."""

import mujoco
import numpy as np

from envs.humanoid_bench.rewards import State

POLE = "pole_r"  # the names of the poles that a robot may touch, and of nothing else, begin with this


class StateReader:
    """Reads a `State` from data of `model`, which is our model or the original's: both use the same names."""

    def __init__(self, model: mujoco.MjModel) -> None:
        self._torso = model.body("torso_link").id
        self._pelvis = model.body("pelvis").id
        self._head = model.site("head").id
        self._imu = model.site("imu").id
        velocity = model.sensor("pelvis_subtreelinvel").adr[0]
        self._velocity = slice(velocity, velocity + 3)
        self._is_pole = np.array([model.geom(geom).name.startswith(POLE) for geom in range(model.ngeom)])
        self._has_poles = bool(self._is_pole.any())

    def __call__(self, data: mujoco.MjData) -> State:
        """The state as `data` holds it: no forward pass is made, for the rewards are defined on what a step leaves."""
        site = data.site_xpos
        return State(
            pelvis=data.qpos[:3].tolist(),
            pelvis_quaternion=data.xquat[self._pelvis],
            head=float(site[self._head, 2]),
            imu=site[self._imu].tolist(),
            upright=float(data.xmat[self._torso, 8]),
            velocity=data.sensordata[self._velocity].tolist(),
            forces=data.actuator_force,
            touches_pole=self._has_poles and self._touches_pole(data),
        )

    def _touches_pole(self, data: mujoco.MjData) -> bool:
        # Whatever touches a pole is the robot: poles, barriers and floor are static and never collide with each other.
        return bool(self._is_pole[data.contact.geom].any())
