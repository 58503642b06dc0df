"""Classifies random reviews with a T5 in int8 under ONNX Runtime or CTranslate2, over JSON lines.

in   {"peer": "onnxruntime" | "ctranslate2", "config": {T5Config fields}, "workers": 2, "threads": 1,
      "label_ids": [1465, 2841], "folder": DIR, "tokenizer": DIR}
out  {"ready": true, "version": ...}
in   {"round": [[lengths of batch 1], [lengths of batch 2], ...]}
out  {"seconds": x, "reviews": n, "loss": 0, "peak_rss_mb": z}
in   {"quit": true}

`folder` keeps the exported models. A round runs all batches on `workers` workers with `threads`
threads each; "seconds" covers exactly that. The workers are threads of one process and share the
weights. After an error the process replies with {"error": ...} and exits with status 1.
"""

import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

PAD, EOS = 0, 1


def make_model(config):
    """Returns a T5 with random weights."""
    import torch
    from transformers import T5Config, T5ForConditionalGeneration

    torch.manual_seed(0)
    return T5ForConditionalGeneration(T5Config(**config)).eval()


def export_onnx(job, path):
    """Writes the label logits of the decoder's first step as ONNX, quantized by ONNX Runtime's own tool."""
    import torch
    from onnxruntime.quantization import QuantType, quantize_dynamic

    model = make_model(job["config"])
    labels = torch.tensor(job["label_ids"])

    class Classifier(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.t5 = model

        def forward(self, input_ids, attention_mask):
            start = torch.zeros_like(input_ids[:, :1])
            t5 = self.t5
            states = t5.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
            decoded = t5.decoder(input_ids=start, encoder_hidden_states=states,
                                 encoder_attention_mask=attention_mask, use_cache=False).last_hidden_state
            return (decoded[:, 0] * t5.config.d_model ** -0.5) @ t5.shared.weight[labels].T

    ids = torch.randint(2, 1000, (2, 37))
    axes = {"input_ids": {0: "batch", 1: "source"}, "attention_mask": {0: "batch", 1: "source"}, "logits": {0: "batch"}}
    model.config._attn_implementation = "eager"
    torch.onnx.export(Classifier(), (ids, torch.ones_like(ids)), path + ".fp32", dynamo=False, opset_version=17,
                      input_names=["input_ids", "attention_mask"], output_names=["logits"], dynamic_axes=axes)
    quantize_dynamic(path + ".fp32", path, per_channel=True, weight_type=QuantType.QInt8)


def export_transformers_js(job, path):
    """Writes a model for transformers.js: the encoder, and the decoder with the head, quantized like the other one."""
    import torch
    from onnxruntime.quantization import QuantType, quantize_dynamic

    model = make_model(job["config"])
    model.config._attn_implementation = "eager"

    class Encoder(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = model.encoder

        def forward(self, input_ids, attention_mask):
            return self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state

    class Decoder(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.t5 = model

        def forward(self, encoder_attention_mask, input_ids, encoder_hidden_states):
            return self.t5(decoder_input_ids=input_ids, encoder_outputs=(encoder_hidden_states,),
                           attention_mask=encoder_attention_mask, use_cache=False).logits

    folder = os.path.join(path, "onnx")
    os.makedirs(folder)
    ids = torch.randint(2, 1000, (2, 37))
    mask = torch.ones_like(ids)
    source = {0: "batch", 1: "source"}

    def export(module, arguments, inputs, output, name):
        file = os.path.join(folder, name + "_quantized.onnx")
        torch.onnx.export(module, arguments, file + ".fp32", dynamo=False, opset_version=17, input_names=list(inputs),
                          output_names=[output], dynamic_axes={**inputs, output: {0: "batch", 1: "positions"}})
        quantize_dynamic(file + ".fp32", file, per_channel=True, weight_type=QuantType.QInt8)

    with torch.no_grad():
        export(Encoder(), (ids, mask), {"input_ids": source, "attention_mask": source}, "last_hidden_state",
               "encoder_model")
        export(Decoder(), (mask, ids[:, :1], torch.rand(2, 37, model.config.d_model)),
               {"encoder_attention_mask": source, "input_ids": {0: "batch", 1: "positions"},
                "encoder_hidden_states": source}, "logits", "decoder_model_merged")
    model.config.save_pretrained(path)
    model.generation_config.save_pretrained(path)


def open_onnxruntime(job):
    import onnxruntime

    path = os.path.join(job["folder"], "t5-int8.onnx")
    if not os.path.exists(path):
        # In another process, so that PyTorch is not in the memory of this one.
        in_child("export_onnx", job, path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = job["threads"]
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def draw(lengths, rng):
        longest = max(lengths)
        ids = rng.integers(2, 30000, (len(lengths), longest))
        mask = rng.integers(1, 2, (len(lengths), longest))
        for row, length in enumerate(lengths):
            ids[row, length - 1] = EOS
            ids[row, length:] = PAD
            mask[row, length:] = 0
        return {"input_ids": ids, "attention_mask": mask}

    return draw, lambda batch: session.run(None, batch), onnxruntime.__version__, job["workers"]


def export_ctranslate2(job, path):
    import ctranslate2
    from transformers import AutoTokenizer

    folder = path + ".hf"
    make_model(job["config"]).save_pretrained(folder)
    AutoTokenizer.from_pretrained(job["tokenizer"]).save_pretrained(folder)
    ctranslate2.converters.TransformersConverter(folder).convert(path, quantization="int8")


def open_ctranslate2(job):
    import ctranslate2

    path = os.path.join(job["folder"], "t5-ct2")
    if not os.path.exists(path):
        in_child("export_ctranslate2", job, path)
    translator = ctranslate2.Translator(path, device="cpu", compute_type="int8", inter_threads=job["workers"],
                                        intra_threads=job["threads"])
    with open(os.path.join(path, "shared_vocabulary.json")) as file:
        tokens = json.load(file)

    def draw(lengths, rng):
        return [[tokens[i] for i in rng.integers(2, len(tokens) - 200, length - 1)] + ["</s>"] for length in lengths]

    def run(batch):
        return translator.translate_batch(batch, beam_size=1, max_decoding_length=1, return_scores=True,
                                          max_input_length=0)

    return draw, run, ctranslate2.__version__, job["workers"]


def in_child(function, job, path):
    import subprocess

    code = f"import json, sys; sys.path.insert(0, {os.path.dirname(os.path.abspath(__file__))!r}); " \
           f"import int8_serve; int8_serve.{function}(json.loads(sys.argv[1]), sys.argv[2])"
    subprocess.run([sys.executable, "-c", code, json.dumps(job), path], check=True, stdout=sys.stderr)


def peak_rss_mb():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024


def main():
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def reply(message):
        replies.write(json.dumps(message) + "\n")
        replies.flush()

    try:
        import numpy

        job = {"workers": 2, "threads": 1, "label_ids": [1465, 2841], **json.loads(sys.stdin.readline())}
        draw, run, version, workers = {"onnxruntime": open_onnxruntime, "ctranslate2": open_ctranslate2}[job["peer"]](job)
        rng = numpy.random.default_rng(0)
        reply({"ready": True, "version": version})
        with ThreadPoolExecutor(workers) as pool:
            for line in sys.stdin:
                message = json.loads(line)
                if message.get("quit"):
                    break
                batches = [draw(lengths, rng) for lengths in message["round"]]
                start = time.perf_counter()
                list(pool.map(run, batches))
                seconds = time.perf_counter() - start
                reply({"seconds": seconds, "reviews": sum(map(len, message["round"])), "loss": 0,
                       "peak_rss_mb": peak_rss_mb()})
    except Exception as error:  # the driver must receive every error
        reply({"error": f"{type(error).__name__}: {error}"})
        raise


if __name__ == "__main__":
    main()
