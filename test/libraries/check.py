"""Loads adapters' folders as a user of their library would, and writes what the library computes.

    check.py peft|adapterhub|opendelta BASE_DIR INPUTS_JSON OUT_JSON FOLDER...

Every top-level object of INPUTS_JSON with input_ids, attention_mask and labels is one batch. The
input of the decoder is the start token and the labels shifted right, -100 replaced by padding. OUT_JSON:
{folder: {batch: {"logits": [B][T][V], "loss": mean cross-entropy}}}, float32, no dropout.

The libraries only warn if tensors are missing from a file or unknown to the method. This script
prints the names and shapes on both sides and exits with status 1.
"""

import argparse
import json
import logging
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import T5ForConditionalGeneration

FIELDS = ("input_ids", "attention_mask", "labels")


def load_base(folder):
    """Loads the base in float32; exits unless the file holds exactly its tensors."""
    model, report = T5ForConditionalGeneration.from_pretrained(
        folder, output_loading_info=True)
    faults = {kind: sorted(map(str, names)) for kind, names in report.items()
              if kind in ("missing_keys", "unexpected_keys", "mismatched_keys") and names}
    if faults:
        sys.exit(f"base {folder}: {json.dumps(faults)}")
    return model.float()


def read_tensors(folder):
    """Returns the shapes of the tensors in the folder's only file of weights, by name, without those of a head."""
    paths = [path for pattern in ("*.safetensors", "*.bin") for path in Path(folder).glob(pattern)
             if "head" not in path.name]
    if len(paths) != 1:
        sys.exit(f"{folder}: {len(paths)} files of weights")
    [path] = paths
    tensors = load_file(path) if path.suffix == ".safetensors" else torch.load(path, weights_only=True)
    return {name: list(tensor.shape) for name, tensor in tensors.items()}


def load_peft(base, folder):
    from peft import PeftModel, get_peft_model_state_dict
    model = PeftModel.from_pretrained(base, folder)
    return model, get_peft_model_state_dict(model, save_embedding_layers=False)


def load_adapterhub(base, folder):
    import adapters
    adapters.init(base)
    name = base.load_adapter(folder, use_safetensors=(Path(folder) / "adapter.safetensors").exists())
    base.set_active_adapters(name)
    base.train_adapter(name)
    return base, {name: tensor for name, tensor in base.named_parameters() if tensor.requires_grad}


def load_opendelta(base, folder):
    import opendelta_stubs  # noqa: F401  must come before opendelta
    logging.disable(logging.INFO)
    from opendelta import AutoDeltaModel
    delta = AutoDeltaModel.from_finetuned(folder, backbone_model=base)
    delta.freeze_module(set_state_dict=False)
    return base, {name: tensor for name, tensor in base.named_parameters() if tensor.requires_grad}


LOADERS = {"peft": load_peft, "adapterhub": load_adapterhub, "opendelta": load_opendelta}


def load_adapter(library, base, folder):
    """Returns the model with the adapter; exits unless the file holds exactly the tensors that the library expects."""
    model, tensors = LOADERS[library](base, folder)
    expected = {name: list(tensor.shape) for name, tensor in tensors.items()}
    # T5AdapterModel has the base in an attribute of its own.
    found = {name.removeprefix("transformer."): shape for name, shape in read_tensors(folder).items()}
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
    parser.add_argument("library", choices=LOADERS)
    for name in ("base", "inputs", "out"):
        parser.add_argument(name)
    parser.add_argument("folders", nargs="+")
    arguments = parser.parse_args()

    batches = batches_of(arguments.inputs)
    results = {}
    for folder in arguments.folders:
        model = load_adapter(arguments.library, load_base(arguments.base), folder).eval()
        results[folder] = {}
        with torch.no_grad():
            for name, batch in batches.items():
                # OpenDelta's soft prompt writes into the mask.
                output = model(**{field: tensor.clone() for field, tensor in batch.items()})
                results[folder][name] = {"logits": output.logits.tolist(), "loss": output.loss.item()}
    Path(arguments.out).write_text(json.dumps(results))


if __name__ == "__main__":
    main()
