"""Makes PEFT folders of the adapters that verl saved in its own shards. Needs verl; run it where the training ran."""

import os
import subprocess
import sys


def main(folder):
    """Converts every saved step that was not converted before."""
    for name in sorted(os.listdir(folder)):
        actor = os.path.join(folder, name, "actor")
        target = os.path.join(folder, name, "merged")
        if name.startswith("global_step_") and os.path.isdir(actor) and not os.path.isdir(target):
            partial = target + ".part"
            command = [sys.executable, "-m", "verl.model_merger", "merge", "--backend", "fsdp", "--local_dir", actor, "--target_dir", partial]
            subprocess.run(command, check=True)
            os.rename(partial, target)


if __name__ == "__main__":
    main(sys.argv[1])
