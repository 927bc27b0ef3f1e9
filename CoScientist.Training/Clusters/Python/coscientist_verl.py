"""verl's reward function: reward.custom_reward_function.path=coscientist_verl.py, name compute_score.

An answer that cannot be graded raises. verl's trainer (0.9, trainer.use_v1=true) then leaves that answer out of its
group: it counts neither for the group's mean nor for the loss. A group without any answer is replaced
(trainer.v1.sampler.sync_refill_failed_groups=true).
"""

import asyncio
import os
import sys
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from coscientist_grader import Rewards  # noqa: E402

_state = []


def _ready():
    if not _state:
        rewards = Rewards()
        _state.append((rewards, ThreadPoolExecutor(max_workers=rewards.settings["parallel"])))
    return _state[0]


async def compute_score(data_source, solution_str, ground_truth, extra_info, reward_router_address=None, **_):
    """The reward of one answer."""
    rewards, pool = _ready()
    value = await asyncio.get_running_loop().run_in_executor(pool, rewards.of, solution_str, extra_info, reward_router_address)
    return {"score": value}
