"""Runs one PyTorch + PEFT training step per request on stdin and replies on stdout.

A driver starts this process once per method, keeps it running, and interleaves its rounds with
those of the other contestants, so that the load of the machine is the same for all. Every line is
one JSON object.

in   {"method": "lora" | "bottleneck" | "soft-prompt" | "full", "config": {T5Config fields},
      "rank": 8, "alpha": 16, "bottleneck": 8, "tokens": 10, "precision": "fp32" | "bf16",
      "threads": 2, "seed": 0, "lr": 1e-3, "attention": "eager" | "sdpa", "compile": false,
      "device": "cpu" | "cuda", "tf32": false,
      "label_ids": [1465, 2841]}
out  {"ready": true, "trainable": N, "total": N, "torch": ..., "transformers": ..., "peft": ...,
      "optimizer": ..., "allocator": ..., ...}
in   {"round": [[lengths of micro-batch 1], [lengths of micro-batch 2], ...]}
out  {"seconds": x, "reviews": n, "loss": y, "peak_rss_mb": z}
in   {"quit": true}

Only "method" and "config" are required. A round is one optimizer step: forward and backward of
each micro-batch (padded to its longest review), one clip of the global gradient norm to 1.0, one
AdamW step. "seconds" covers exactly that; token ids are drawn before the clock starts. After an
error the process replies with {"error": ...} and exits with status 1.
"""

import ctypes.util
import json
import os
import sys
import time

# Keeps freed memory mapped, because the next step needs it again for its activations.
JEMALLOC = "oversize_threshold:1,background_thread:true,metadata_thp:auto,dirty_decay_ms:-1,muzzy_decay_ms:-1"
DEFAULTS = {
    "rank": 8, "alpha": 16, "bottleneck": 8, "tokens": 10, "precision": "fp32", "threads": 2,
    "seed": 0, "lr": 1e-3, "attention": "eager", "compile": False, "device": "cpu", "tf32": False,
    "label_ids": [1465, 2841],
}
PAD, EOS = 0, 1


def restart_under_jemalloc():
    """Restarts this script under jemalloc if that is installed; PEER_MALLOC=libc prevents it."""
    library = ctypes.util.find_library("jemalloc")
    if library is None or os.environ.get("PEER_MALLOC") == "libc":
        return "libc"
    if "jemalloc" not in os.environ.get("LD_PRELOAD", ""):
        environment = {"MALLOC_CONF": JEMALLOC, **os.environ, "LD_PRELOAD": library}
        os.execve(sys.executable, [sys.executable, *sys.argv], environment)
    return "jemalloc"


def use_onednn_products():
    """Lets oneDNN multiply float32 matrices instead of MKL, if its results are float32 too.

    oneDNN is faster on some CPUs, and "medium" selects it. On CPUs with bf16 instructions "medium"
    also allows bf16 arithmetic; MKL is kept there.
    """
    import torch

    a, b = torch.randn(256, 512), torch.randn(512, 256)
    exact = a.double() @ b.double()
    torch.set_float32_matmul_precision("medium")
    error = ((a @ b) - exact).abs().max() / exact.abs().max()
    if error > 1e-5:
        torch.set_float32_matmul_precision("highest")
    return "oneDNN" if error <= 1e-5 else "MKL"


def build(job):
    """Builds the T5 of `job` with random weights and the trainable parameters of its method."""
    import torch
    from peft import LoraConfig, PromptTuningConfig, TaskType, get_peft_model
    from transformers import T5Config, T5ForConditionalGeneration

    from bottleneck import add_bottlenecks

    torch.manual_seed(job["seed"])
    config = T5Config(**{**job["config"], "dropout_rate": 0.0})
    config._attn_implementation = job["attention"]
    model = T5ForConditionalGeneration(config)
    task = TaskType.SEQ_2_SEQ_LM
    methods = {
        "lora": lambda: get_peft_model(model, LoraConfig(
            task_type=task, r=job["rank"], lora_alpha=job["alpha"], target_modules=["q", "v"])),
        # Without num_transformer_submodules=1, PEFT also trains a prompt for the decoder that is not used.
        "soft-prompt": lambda: get_peft_model(model, PromptTuningConfig(
            task_type=task, num_virtual_tokens=job["tokens"], num_transformer_submodules=1)),
        "bottleneck": lambda: add_bottlenecks(model, job["bottleneck"]),
        "full": lambda: model,
    }
    if job["method"] not in methods:
        raise ValueError(f"method is {job['method']!r}, expected one of {', '.join(methods)}")
    return methods[job["method"]]().eval()


def compile_blocks(model):
    """Compiles each T5 block for any shape.

    The whole model as one program takes several times as long to compile. A block has about a dozen
    programs (encoder or decoder, first or later, with or without a mask, batch of one or more). All
    belong to the same code object, so the limits are raised.
    """
    import torch
    from transformers.models.t5.modeling_t5 import T5Block

    torch._dynamo.config.recompile_limit = 64
    torch._dynamo.config.accumulated_recompile_limit = 512
    for block in [m for m in model.modules() if isinstance(m, T5Block)]:
        block.compile(dynamic=True)


def make_optimizer(parameters, lr):
    """Returns AdamW as one fused kernel, or with grouped tensor operations if torch lacks it."""
    import torch

    try:
        return torch.optim.AdamW(parameters, lr=lr, fused=True), "fused"
    except RuntimeError:
        return torch.optim.AdamW(parameters, lr=lr, foreach=True), "foreach"


class Trainer:
    """A model, its optimizer and a seeded generator of token ids."""

    def __init__(self, job):
        import torch

        torch.set_num_threads(job["threads"])
        torch.set_flush_denormal(True)
        self.torch, self.job = torch, job
        self.device = torch.device(job["device"])
        if job["device"] == "cuda":
            torch.backends.cuda.matmul.allow_tf32 = job["tf32"]
            self.products = "TF32" if job["tf32"] else "cuBLAS"
        else:
            self.products = use_onednn_products()
        self.model = build(job).to(self.device)
        self.trainable = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer, self.optimizer_kind = make_optimizer(self.trainable, job["lr"])
        self.generator = torch.Generator().manual_seed(job["seed"])
        if job["compile"]:
            compile_blocks(self.model)
            self.backward([self.micro_batch(lengths) for lengths in ([300, 200], [256, 256], [100])])

    def describe(self):
        """Returns the reply to the first line."""
        import peft
        import transformers

        return {
            "ready": True,
            "trainable": sum(p.numel() for p in self.trainable),
            "total": sum(p.numel() for p in self.model.parameters()),
            "torch": self.torch.__version__,
            "transformers": transformers.__version__,
            "peft": peft.__version__,
            "optimizer": self.optimizer_kind,
            "attention": self.job["attention"],
            "compile": self.job["compile"],
            "fp32_products": self.products,
            "precision": self.job["precision"],
            "threads": self.torch.get_num_threads(),
        }

    def micro_batch(self, lengths):
        """Draws reviews of `lengths` tokens: ids and mask [B, max(lengths)], labels [B, 2]."""
        torch, size, longest = self.torch, len(lengths), max(lengths)
        lengths = torch.tensor(lengths).unsqueeze(1)
        position = torch.arange(longest).unsqueeze(0)
        ids = torch.randint(EOS + 1, self.job["config"].get("vocab_size", 32128), (size, longest),
                            generator=self.generator)
        ids[position == lengths - 1] = EOS
        ids[position >= lengths] = PAD
        answer = torch.randint(0, 2, (size,), generator=self.generator)
        labels = torch.full((size, 2), EOS)
        labels[:, 0] = torch.tensor(self.job["label_ids"])[answer]
        batch = {"input_ids": ids, "attention_mask": (position < lengths).long(), "labels": labels}
        return {name: tensor.to(self.device) for name, tensor in batch.items()}

    def backward(self, batches):
        """Computes the gradients of the mean loss per review over all `batches`; returns the loss."""
        torch = self.torch
        reviews = sum(len(batch["labels"]) for batch in batches)
        total = 0.0
        self.optimizer.zero_grad(set_to_none=True)
        for batch in batches:
            with torch.autocast(self.job["device"], torch.bfloat16, enabled=self.job["precision"] == "bf16"):
                loss = self.model(**batch, use_cache=False).loss
            share = loss * (len(batch["labels"]) / reviews)
            share.backward()
            total += share.detach()
        return total

    def step(self, batches):
        """Takes one optimizer step over all `batches`; returns the mean loss per review."""
        loss = self.backward(batches)
        self.torch.nn.utils.clip_grad_norm_(self.trainable, 1.0, foreach=True)
        self.optimizer.step()
        # Reading the loss also waits for the device.
        return float(loss)

    def round(self, micro_batches):
        """Draws the reviews, then times one step."""
        batches = [self.micro_batch(lengths) for lengths in micro_batches]
        start = time.perf_counter()
        loss = self.step(batches)
        seconds = time.perf_counter() - start
        return {"seconds": seconds, "reviews": sum(map(len, micro_batches)), "loss": loss,
                "peak_rss_mb": peak_rss_mb()}


def peak_rss_mb():
    """Returns the peak resident memory of this process.

    ru_maxrss survives exec and so includes the process that started this one. The kernel's VmHWM
    does not, so it is preferred if the system has it.
    """
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
    except (OSError, StopIteration):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main():
    allocator = restart_under_jemalloc()
    # Replies go to the real stdout; output of libraries goes to stderr instead.
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def reply(message):
        replies.write(json.dumps(message) + "\n")
        replies.flush()

    try:
        trainer = Trainer({**DEFAULTS, **json.loads(sys.stdin.readline())})
        reply({**trainer.describe(), "allocator": allocator})
        for line in sys.stdin:
            message = json.loads(line)
            if message.get("quit"):
                break
            reply(trainer.round(message["round"]))
    except Exception as error:  # the driver must receive every error
        reply({"error": f"{type(error).__name__}: {error}"})
        raise


if __name__ == "__main__":
    main()
