"""Makes PEFT folders of the adapters that verl saves in its own shards, as they appear. Needs verl; run it where the training runs.

    python3 coscientist_finish.py checkpoints COMMAND...   trains with the command, and converts beside it and after it
    python3 coscientist_finish.py checkpoints              converts what was saved and not converted
"""

import os
import shutil
import subprocess
import sys

SECONDS = 30.0
PREFIX = "global_step_"


def saved(folder):
    """Names of the steps that verl has saved whole, oldest first."""
    try:
        with open(os.path.join(folder, "latest_checkpointed_iteration.txt"), encoding="utf-8") as file:
            last = int(file.read())
    except (OSError, ValueError):
        return []
    steps = [int(name[len(PREFIX):]) for name in os.listdir(folder) if name.startswith(PREFIX) and name[len(PREFIX):].isdigit()]
    return [PREFIX + str(step) for step in sorted(steps) if step <= last]


def convert(folder):
    """Converts every saved step that was not converted before. Of verl's merged model the adapter alone is kept."""
    for name in saved(folder):
        actor, target = os.path.join(folder, name, "actor"), os.path.join(folder, name, "merged")
        if not os.path.isdir(actor) or os.path.isdir(target):
            continue
        partial = target + ".part"
        shutil.rmtree(partial, ignore_errors=True)
        command = [sys.executable, "-m", "verl.model_merger", "merge", "--backend", "fsdp", "--local_dir", actor, "--target_dir", partial]
        subprocess.run(command, check=True)
        adapter = os.path.join(partial, "lora_adapter")
        if not os.path.isdir(adapter):
            raise ValueError("verl's merger found no adapter in " + actor)
        for other in os.listdir(partial):
            path = os.path.join(partial, other)
            if path != adapter:
                shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
        os.rename(partial, target)


def train(folder, command, seconds=SECONDS):
    """Runs the training and converts beside it; the training's exit status."""
    with subprocess.Popen(command) as training:
        while True:
            try:
                status = training.wait(timeout=seconds)
                break
            except subprocess.TimeoutExpired:
                try:
                    convert(folder)
                except (subprocess.CalledProcessError, OSError, ValueError) as fault:
                    # Tried again; the training goes on whatever becomes of it.
                    print("An adapter could not be converted: %s" % fault, file=sys.stderr, flush=True)
    convert(folder)
    return status


if __name__ == "__main__":
    if len(sys.argv) > 2:
        sys.exit(train(sys.argv[1], sys.argv[2:]))
    convert(sys.argv[1])
