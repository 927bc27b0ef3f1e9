"""Trains with TRL's GRPOTrainer: accelerate launch coscientist_trl.py. Settings stand in config.json, goals in *.jsonl.

An answer that cannot be graded gets None. TRL (1.9) leaves it out of its group's mean and sets its advantage to zero.
"""

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from coscientist_grader import Rewards, Ungraded, check  # noqa: E402

_state = []


def _ready():
    if not _state:
        rewards = Rewards()
        _state.append((rewards, ThreadPoolExecutor(max_workers=rewards.settings["parallel"])))
    return _state[0]


def rubric_reward(prompts, completions, extra_info, **_):
    """One reward per completion, in order; None where there is no grading."""
    rewards, pool = _ready()

    def one(pair):
        try:
            return rewards.of(*pair)
        except Ungraded:
            return None

    texts = [completion if isinstance(completion, str) else completion[-1]["content"] for completion in completions]
    return list(pool.map(one, zip(texts, extra_info)))


def main():
    """Trains from the base model, or goes on from the last saved step."""
    from datasets import load_dataset
    from transformers.trainer_utils import get_last_checkpoint
    from trl import GRPOConfig, GRPOTrainer

    check()
    with open(os.path.join(HERE, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    adapter = None
    if config["lora"]:
        from peft import LoraConfig

        adapter = LoraConfig(**config["lora"])
    files = {split: os.path.join(HERE, split + ".jsonl") for split in ("train", "validation")}
    data = load_dataset("json", data_files=files).select_columns(["prompt", "extra_info"])
    arguments = GRPOConfig(**config["grpo"])
    trainer = GRPOTrainer(
        model=config["model"], reward_funcs=rubric_reward, args=arguments, train_dataset=data["train"], eval_dataset=data["validation"], peft_config=adapter
    )
    last = get_last_checkpoint(arguments.output_dir) if os.path.isdir(arguments.output_dir) else None
    trainer.train(resume_from_checkpoint=last)
    trainer.save_model(os.path.join(arguments.output_dir, "final"))


if __name__ == "__main__":
    main()
