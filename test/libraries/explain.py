"""Attributes the logits of T5 to the tokens of texts with Captum's integrated gradients.

    explain.py REQUEST_JSON OUT_JSON

REQUEST_JSON: {"models": [{"base": folder, "adapter": PEFT folder or null}, ...], "texts": [[token id, ..., end of
sequence], ...], "target": token id, "against": token id, "tolerance": number}. The path starts at embeddings of zeros
in place of every token but the last. OUT_JSON: for each model and each text {"contributions": one number for each
token, "difference", "baseline_difference"}. Double precision.

A ReLU has kinks, on which sums over a whole path converge slowly. So Captum integrates pieces of the path, each from
where the last one ended. A piece is halved until its contributions are those of its halves, token by token, and add up
to the change of the difference. The sum alone would not do: errors of several tokens may cancel in it.
"""

import json
import sys

import torch
from captum.attr import IntegratedGradients
from peft import PeftModel
from transformers import T5ForConditionalGeneration


def load(base, adapter):
    model = T5ForConditionalGeneration.from_pretrained(base).double().eval()
    # The embeddings are the base's: the adapter changes other layers.
    table = model.get_input_embeddings().weight.detach()
    if adapter:
        model = PeftModel.from_pretrained(model, adapter).double().eval()
    return model.requires_grad_(False), table


# Of each piece; of the path at first. The pieces are short near the baseline, where T5 changes most.
STEPS = 4
PIECES = 128
POWER = 5
SHORTEST = 1e-9


def explain(model, table, ids, target, against, tolerance):
    def difference(embeds):
        rows = embeds.shape[0]
        start = torch.zeros((rows, 1), dtype=torch.long)
        logits = model(inputs_embeds=embeds, attention_mask=torch.ones(embeds.shape[:2], dtype=torch.long),
                       decoder_input_ids=start).logits[:, 0]
        return logits[:, target] - logits[:, against]

    embeds = table[torch.tensor([ids])].clone()
    baseline = embeds.clone()
    baseline[:, :-1] = 0
    gradients = IntegratedGradients(difference)

    def attribute(low, high):
        ends = [torch.lerp(baseline, embeds, alpha[:, None, None]) for alpha in (high, low)]
        parts, missed = gradients.attribute(*ends, n_steps=STEPS, method="gausslegendre", return_convergence_delta=True,
                                            internal_batch_size=1024)
        return parts.sum(-1), missed

    contributions = torch.zeros(len(ids), dtype=torch.double)
    ends = torch.linspace(0, 1, PIECES + 1, dtype=torch.double) ** POWER
    low, high = ends[:-1], ends[1:]
    parts, _ = attribute(low, high)
    while len(low) > 0:
        middle = (low + high) / 2
        halves = [attribute(low, middle), attribute(middle, high)]
        both = sum(part for part, _ in halves)
        errors = torch.stack([(parts - both).abs().amax(1), sum(missed for _, missed in halves).abs()]).amax(0)
        is_good = (errors <= tolerance) | (high - low < SHORTEST)
        contributions += both[is_good].sum(0)
        low, high = (torch.cat(ends)[torch.cat([~is_good, ~is_good])] for ends in ([low, middle], [middle, high]))
        parts = torch.cat([part for part, _ in halves])[torch.cat([~is_good, ~is_good])]
    return {
        "contributions": contributions.tolist(),
        "difference": difference(embeds).item(),
        "baseline_difference": difference(baseline).item(),
    }


def main(request_file, out):
    with open(request_file) as file:
        request = json.load(file)
    answers = []
    for one in request["models"]:
        model, table = load(one["base"], one["adapter"])
        answers.append([explain(model, table, ids, request["target"], request["against"], request["tolerance"])
                        for ids in request["texts"]])
    with open(out, "w") as file:
        json.dump(answers, file)


main(*sys.argv[1:])
