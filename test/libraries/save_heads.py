"""Saves adapters with their heads, as a user of AdapterHub would.

    save_heads.py TIED_BASE_DIR UNTIED_BASE_DIR OUT_DIR

Writes OUT_DIR/NAME for each of: words (T5AdapterModel, a head of a language model), classes (T5AdapterModel, a head of
a classifier), tied and untied (T5ForConditionalGeneration, which has its own head).
"""

import sys

import adapters
import torch
from adapters import AutoAdapterModel
from transformers import T5ForConditionalGeneration


def randomize(model, name):
    """Gives the adapter values as after training."""
    torch.manual_seed(0)
    model.train_adapter(name)
    with torch.no_grad():
        for parameter_name, parameter in model.named_parameters():
            if f".adapters.{name}." in parameter_name:
                parameter.normal_(std=0.2)


def main():
    tied, untied, out = sys.argv[1:]
    model = AutoAdapterModel.from_pretrained(tied)
    for name in ("words", "classes"):
        model.add_adapter(name, config="seq_bn[reduction_factor=4]")
        randomize(model, name)
    model.add_seq2seq_lm_head("words")
    model.add_classification_head("classes", num_labels=2)
    model.save_all_adapters(out)
    for name, base in (("tied", tied), ("untied", untied)):
        model = T5ForConditionalGeneration.from_pretrained(base)
        adapters.init(model)
        model.add_adapter(name, config="double_seq_bn[reduction_factor=4]")
        randomize(model, name)
        model.save_adapter(f"{out}/{name}", name, use_safetensors=name == "untied")


if __name__ == "__main__":
    main()
