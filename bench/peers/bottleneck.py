"""AdapterHub's sequential bottleneck (seq_bn, Pfeiffer) on a Hugging Face T5.

The `adapters` package requires transformers 4.57.6, but the peer measured here runs the current
transformers and PEFT. One environment cannot hold both, so the method is rebuilt: after every
feed-forward sub-layer of encoder and decoder, the residual stream `h` and the sub-layer's output
`f` become

    h + f + U relu(D(f + h))

with D: [width, d_model] and U: [d_model, width], both N(0, 0.02), biases 0.
"""

from torch import nn
from transformers.models.t5.modeling_t5 import T5LayerFF


class Bottleneck(nn.Module):
    """U relu(D x): [B, L, E] -> [B, L, E]."""

    def __init__(self, d_model, width):
        super().__init__()
        self.down = nn.Linear(d_model, width)
        self.up = nn.Linear(width, d_model)
        for linear in (self.down, self.up):
            nn.init.normal_(linear.weight, std=0.02)
            nn.init.zeros_(linear.bias)

    def forward(self, x):
        return self.up(nn.functional.relu(self.down(x)))


def add_bottlenecks(model, width):
    """Freezes `model` and adds one trainable bottleneck after each of its feed-forward layers.

    T5LayerFF returns f + h, which the bottleneck both reads and adds to, so a forward hook is
    enough.
    """
    model.requires_grad_(False)
    for layer in [m for m in model.modules() if isinstance(m, T5LayerFF)]:
        layer.bottleneck = Bottleneck(model.config.d_model, width)
        layer.register_forward_hook(lambda layer, _args, y: y + layer.bottleneck(y))
    return model
