"""Loads a T5 adapter as a user of PEFT would and writes its logits and loss.

    check_peft.py BASE_DIR ADAPTER_DIR INPUTS_JSON OUT_JSON

Every top-level object of INPUTS_JSON with input_ids, attention_mask and labels is one batch. The
input of the decoder is the start token and the labels shifted right, -100 replaced by padding. OUT_JSON:
{batch: {"logits": [B][T][V], "loss": mean cross-entropy}}, float32, no dropout.

PEFT only warns if tensors are missing from an adapter file or unknown to the method. This script
prints the names and shapes on both sides and exits with status 1.
"""

import argparse
import json
import sys
from pathlib import Path

import torch
from peft import PeftModel, get_peft_model_state_dict
from safetensors import safe_open
from transformers import T5ForConditionalGeneration

FIELDS = ("input_ids", "attention_mask", "labels")


def load_base(folder):
    """Loads the base model in float32; exits unless the file holds exactly its tensors."""
    model, report = T5ForConditionalGeneration.from_pretrained(
        folder, dtype=torch.float32, output_loading_info=True)
    faults = {kind: sorted(map(str, names)) for kind, names in report.items()
              if kind in ("missing_keys", "unexpected_keys", "mismatched_keys") and names}
    if faults:
        sys.exit(f"base {folder}: {json.dumps(faults)}")
    return model


def load_adapter(base, folder):
    """Adds the adapter to the base; exits unless the file holds exactly the tensors PEFT expects."""
    model = PeftModel.from_pretrained(base, folder)
    expected = {name: list(tensor.shape) for name, tensor
                in get_peft_model_state_dict(model, save_embedding_layers=False).items()}
    with safe_open(Path(folder) / "adapter_model.safetensors", "pt") as file:
        found = {name: file.get_slice(name).get_shape() for name in file.keys()}
    if found != expected:
        missing = {name: shape for name, shape in expected.items() if found.get(name) != shape}
        unknown = {name: shape for name, shape in found.items() if expected.get(name) != shape}
        sys.exit(f"adapter {folder}: missing {json.dumps(missing)}, unexpected {json.dumps(unknown)}")
    return model


def batches_of(path):
    """Returns {name: {field: tensor}} for every top-level object that is a batch."""
    content = json.loads(Path(path).read_text())
    batches = {name: {field: torch.tensor(value[field]) for field in FIELDS}
               for name, value in content.items()
               if isinstance(value, dict) and all(field in value for field in FIELDS)}
    if not batches:
        sys.exit(f"inputs {path}: no object with {', '.join(FIELDS)}")
    return batches


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("base", "adapter", "inputs", "out"):
        parser.add_argument(name)
    arguments = parser.parse_args()

    model = load_adapter(load_base(arguments.base), arguments.adapter).eval()
    results = {}
    with torch.no_grad():
        for name, batch in batches_of(arguments.inputs).items():
            output = model(**batch)
            results[name] = {"logits": output.logits.tolist(), "loss": output.loss.item()}
    Path(arguments.out).write_text(json.dumps(results))


if __name__ == "__main__":
    main()
