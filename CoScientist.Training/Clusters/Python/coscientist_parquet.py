"""Writes train.parquet and validation.parquet from the .jsonl files, for tools that read nothing else. Needs the package datasets."""

import os

from datasets import load_dataset

HERE = os.path.dirname(os.path.abspath(__file__))

for split in ("train", "validation"):
    load_dataset("json", data_files=os.path.join(HERE, split + ".jsonl"))["train"].to_parquet(os.path.join(HERE, split + ".parquet"))
