"""Records what tiny models of each family compute, with another framework, from the families' published definitions.

Run with Debian's python3-torch: /usr/bin/python3 record_parity.py
Writes recorded/<family>/: config.json and safetensors files as such models are published, adapter files where there is an
adapter, and expected.json: logits, loss and gradients in double precision. Nothing of the software under test is used.
"""
import json
import math
import os
import struct

import torch
import torch.nn.functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
VOCABULARY = 260
TYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


def base(model_type, architecture, **more):
    config = {
        "architectures": [architecture], "model_type": model_type, "hidden_act": "silu", "hidden_size": 32,
        "intermediate_size": 40, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
        "max_position_embeddings": 256, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "tie_word_embeddings": False,
        "vocab_size": VOCABULARY, "attention_dropout": 0.0, "bos_token_id": 0, "eos_token_id": 1,
    }
    config.update(more)
    return config


FAMILIES = {
    "qwen3": ("F32", 1, base("qwen3", "Qwen3ForCausalLM", head_dim=12, tie_word_embeddings=True, rope_theta=1000000.0,
                             attention_bias=False, use_sliding_window=False, sliding_window=None)),
    "qwen3-yarn": ("BF16", 1, base("qwen3", "Qwen3ForCausalLM", head_dim=12, attention_bias=False, rope_theta=1000.0,
                                   rope_scaling={"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64})),
    "qwen2": ("F16", 1, base("qwen2", "Qwen2ForCausalLM", tie_word_embeddings=True, use_sliding_window=False,
                             sliding_window=4096, max_window_layers=2)),
    "qwen2-sliding": ("BF16", 1, base("qwen2", "Qwen2ForCausalLM", num_hidden_layers=3, use_sliding_window=True,
                                     sliding_window=7, max_window_layers=1)),
    "llama3": ("BF16", 1, base("llama", "LlamaForCausalLM", attention_bias=False, mlp_bias=False, rope_theta=None,
                               rope_parameters={"rope_type": "llama3", "rope_theta": 100.0, "factor": 8.0, "low_freq_factor": 1.0,
                                                "high_freq_factor": 4.0, "original_max_position_embeddings": 32})),
    "llama-biased": ("F32", 1, base("llama", "LlamaForCausalLM", attention_bias=True, mlp_bias=True)),
    "mistral": ("BF16", 1, base("mistral", "MistralForCausalLM", sliding_window=11)),
    "qwen3-moe": ("F16", 2, base("qwen3_moe", "Qwen3MoeForCausalLM", num_hidden_layers=3, head_dim=8, attention_bias=False,
                                 num_experts=6, num_experts_per_tok=2, moe_intermediate_size=16, norm_topk_prob=True,
                                 decoder_sparse_step=1, mlp_only_layers=[1], router_aux_loss_coef=0.001, sliding_window=None)),
}
ADAPTER = {"r": 3, "lora_alpha": 6, "use_rslora": True, "target_modules": ["q_proj", "v_proj", "down_proj"]}


def tensors(c, generator):
    """Names and values as the published checkpoints have them."""
    hidden, heads, groups = c["hidden_size"], c["num_attention_heads"], c["num_key_value_heads"]
    head = c.get("head_dim", hidden // heads)
    result = {}

    def matrix(name, rows, columns, scale=None):
        result[name] = torch.randn(rows, columns, generator=generator, dtype=torch.float64) * (scale or columns ** -0.5)

    def gain(name, width):
        result[name] = 1 + 0.2 * torch.randn(width, generator=generator, dtype=torch.float64)

    def bias(name, width):
        result[name] = 0.3 * torch.randn(width, generator=generator, dtype=torch.float64)

    matrix("model.embed_tokens.weight", VOCABULARY, hidden, 0.3)
    for i in range(c["num_hidden_layers"]):
        p = f"model.layers.{i}."
        gain(p + "input_layernorm.weight", hidden)
        gain(p + "post_attention_layernorm.weight", hidden)
        for part, width in (("q", heads * head), ("k", groups * head), ("v", groups * head)):
            matrix(f"{p}self_attn.{part}_proj.weight", width, hidden)
            if c["model_type"] == "qwen2" or c.get("attention_bias"):
                bias(f"{p}self_attn.{part}_proj.bias", width)
        matrix(p + "self_attn.o_proj.weight", hidden, heads * head)
        if c.get("attention_bias"):
            bias(p + "self_attn.o_proj.bias", hidden)
        if c["model_type"].startswith("qwen3"):
            gain(p + "self_attn.q_norm.weight", head)
            gain(p + "self_attn.k_norm.weight", head)
        if sparse(c, i):
            matrix(p + "mlp.gate.weight", c["num_experts"], hidden)
            blocks = [(f"{p}mlp.experts.{e}.", c["moe_intermediate_size"]) for e in range(c["num_experts"])]
        else:
            blocks = [(p + "mlp.", c["intermediate_size"])]
        for prefix, inner in blocks:
            matrix(prefix + "gate_proj.weight", inner, hidden)
            matrix(prefix + "up_proj.weight", inner, hidden)
            matrix(prefix + "down_proj.weight", hidden, inner)
            if c.get("mlp_bias"):
                for part, width in (("gate", inner), ("up", inner), ("down", hidden)):
                    bias(f"{prefix}{part}_proj.bias", width)
    gain("model.norm.weight", hidden)
    if not c["tie_word_embeddings"]:
        matrix("lm_head.weight", VOCABULARY, hidden)
    return result


def sparse(c, layer):
    return "num_experts" in c and layer not in c["mlp_only_layers"] and (layer + 1) % c["decoder_sparse_step"] == 0


def rms(x, gain, c):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + c["rms_norm_eps"]) * gain


def rotary(c, head):
    """Inverse frequencies and the factor on cosine and sine."""
    scaling = c.get("rope_parameters") or c.get("rope_scaling") or {}
    theta = scaling.get("rope_theta") or c["rope_theta"]
    inverse = 1.0 / theta ** (torch.arange(0, head, 2, dtype=torch.float64) / head)
    kind = scaling.get("rope_type", "default")
    if kind == "llama3":
        old, factor = scaling["original_max_position_embeddings"], scaling["factor"]
        low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
        changed = []
        for f in inverse.tolist():
            wavelength = 2 * math.pi / f
            if wavelength < old / high:
                changed.append(f)
            elif wavelength > old / low:
                changed.append(f / factor)
            else:
                smooth = (old / wavelength - low) / (high - low)
                changed.append((1 - smooth) * f / factor + smooth * f)
        return torch.tensor(changed, dtype=torch.float64), 1.0
    if kind == "yarn":
        old, factor = scaling["original_max_position_embeddings"], scaling["factor"]

        def dimension(turns):
            return head * math.log(old / (turns * 2 * math.pi)) / (2 * math.log(theta))

        low, high = max(math.floor(dimension(32)), 0), min(math.ceil(dimension(1)), head - 1)
        ramp = ((torch.arange(head // 2, dtype=torch.float64) - low) / max(high - low, 0.001)).clamp(0, 1)
        return inverse / factor * ramp + inverse * (1 - ramp), 0.1 * math.log(factor) + 1
    return inverse, 1.0


def window(c, layer):
    if c["model_type"] == "mistral":
        return c["sliding_window"]
    return c["sliding_window"] if c.get("use_sliding_window") and layer >= c["max_window_layers"] else None


def rotate_half(x):
    half = x.shape[-1] // 2
    return torch.cat((-x[..., half:], x[..., :half]), dim=-1)


def logits(w, c, tokens, adapter):
    """Logits [T, V] of one sequence."""
    length, heads, groups = len(tokens), c["num_attention_heads"], c["num_key_value_heads"]
    head = c.get("head_dim", c["hidden_size"] // heads)
    inverse, factor = rotary(c, head)
    angles = torch.outer(torch.arange(length, dtype=torch.float64), inverse)
    angles = torch.cat((angles, angles), dim=-1)
    cos, sin = angles.cos() * factor, angles.sin() * factor

    def linear(x, name):
        y = F.linear(x, w[name + ".weight"], w.get(name + ".bias"))
        if name.split(".")[-1] in (ADAPTER["target_modules"] if adapter else ()):
            key = "base_model.model." + name
            y = y + ADAPTER["lora_alpha"] / math.sqrt(ADAPTER["r"]) * (x @ adapter[key + ".lora_A.weight"].T @ adapter[key + ".lora_B.weight"].T)
        return y

    def block(x, prefix):
        return linear(F.silu(linear(x, prefix + "gate_proj")) * linear(x, prefix + "up_proj"), prefix + "down_proj")

    x = w["model.embed_tokens.weight"][torch.tensor(tokens)]
    for i in range(c["num_hidden_layers"]):
        p = f"model.layers.{i}."
        normed = rms(x, w[p + "input_layernorm.weight"], c)
        q = linear(normed, p + "self_attn.q_proj").view(length, heads, head)
        k = linear(normed, p + "self_attn.k_proj").view(length, groups, head)
        v = linear(normed, p + "self_attn.v_proj").view(length, groups, head)
        if p + "self_attn.q_norm.weight" in w:
            q, k = rms(q, w[p + "self_attn.q_norm.weight"], c), rms(k, w[p + "self_attn.k_norm.weight"], c)
        q, k = (t * cos[:, None] + rotate_half(t) * sin[:, None] for t in (q, k))
        k, v = (t.repeat_interleave(heads // groups, dim=1) for t in (k, v))
        scores = torch.einsum("qhd,khd->hqk", q, k) / math.sqrt(head)
        rows, columns = torch.arange(length)[:, None], torch.arange(length)[None]
        hidden = columns > rows
        if window(c, i):
            hidden = hidden | (columns <= rows - window(c, i))
        p_attention = scores.masked_fill(hidden, -math.inf).softmax(-1)
        attended = torch.einsum("hqk,khd->qhd", p_attention, v).reshape(length, heads * head)
        x = x + linear(attended, p + "self_attn.o_proj")
        normed = rms(x, w[p + "post_attention_layernorm.weight"], c)
        if sparse(c, i):
            routed = F.linear(normed, w[p + "mlp.gate.weight"]).softmax(-1)
            weights, chosen = routed.topk(c["num_experts_per_tok"], dim=-1)
            if c["norm_topk_prob"]:
                weights = weights / weights.sum(-1, keepdim=True)
            results = torch.stack([block(normed, f"{p}mlp.experts.{e}.") for e in range(c["num_experts"])], dim=1)
            x = x + (weights[..., None] * results.gather(1, chosen[..., None].expand(-1, -1, x.shape[-1]))).sum(1)
        else:
            x = x + block(normed, p + "mlp.")
    x = rms(x, w["model.norm.weight"], c)
    return F.linear(x, w["model.embed_tokens.weight" if c["tie_word_embeddings"] else "lm_head.weight"])


def write_safetensors(path, values, kind):
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, value in values.items():
        stored = value.to(TYPES[kind]).flatten()
        if kind == "F32":
            chunk = struct.pack(f"<{stored.numel()}f", *stored.tolist())
        else:
            chunk = struct.pack(f"<{stored.numel()}h", *stored.view(torch.int16).tolist())
        header[name] = {"dtype": kind, "shape": list(value.shape), "data_offsets": [len(data), len(data) + len(chunk)]}
        data += chunk
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def rounded(numbers):
    return [float(f"{number:.10g}") for number in numbers]


def summary(gradient):
    """Enough to tell a wrong gradient: its length and some elements."""
    flat = gradient.flatten()
    step = max(1, flat.numel() // 7)
    return {"norm": float(f"{flat.norm().item():.10g}"), "every": step, "elements": rounded(flat[::step].tolist())}


def record(name, kind, shards, c, adapted=False):
    generator = torch.Generator().manual_seed(len(name) * 1000 + shards)
    folder = os.path.join(HERE, "recorded", name + ("-lora" if adapted else ""))
    os.makedirs(folder, exist_ok=True)
    # Values as stored are what is computed with.
    w = {key: value.to(TYPES[kind]).to(torch.float64).requires_grad_(not adapted) for key, value in tensors(c, generator).items()}
    adapter = {}
    if adapted:
        for key, value in w.items():
            module = key[:-len(".weight")]
            if module.split(".")[-1] in ADAPTER["target_modules"]:
                rows, columns = value.shape
                for part, shape in (("lora_A", (ADAPTER["r"], columns)), ("lora_B", (rows, ADAPTER["r"]))):
                    drawn = 0.2 * torch.randn(shape, generator=generator, dtype=torch.float64)
                    adapter[f"base_model.model.{module}.{part}.weight"] = drawn.to(torch.float32).to(torch.float64).requires_grad_()
        with open(os.path.join(folder, "adapter_config.json"), "w") as file:
            json.dump({"peft_type": "LORA", "task_type": "CAUSAL_LM", "bias": "none", "lora_dropout": 0.0, **ADAPTER}, file, indent=1)
        write_safetensors(os.path.join(folder, "adapter_model.safetensors"), {k: v.detach() for k, v in adapter.items()}, "F32")

    with open(os.path.join(folder, "config.json"), "w") as file:
        json.dump({key: value for key, value in c.items() if value is not None or key != "rope_theta"}, file, indent=1)
    names = list(w)
    parts = [names[i::shards] for i in range(shards)]
    files = ["model.safetensors"] if shards == 1 else [f"model-{i + 1:05d}-of-{shards:05d}.safetensors" for i in range(shards)]
    for part, path in zip(parts, files):
        write_safetensors(os.path.join(folder, path), {key: w[key].detach() for key in part}, kind)
    if shards > 1:
        weight_map = {key: path for part, path in zip(parts, files) for key in part}
        with open(os.path.join(folder, "model.safetensors.index.json"), "w") as file:
            json.dump({"metadata": {}, "weight_map": weight_map}, file, indent=1)

    sequences = [torch.randint(VOCABULARY, (n,), generator=generator).tolist() for n in (41, 19)]
    total, count, kept = 0.0, 0, []
    for tokens in sequences:
        out = logits(w, c, tokens, adapter)
        total = total + F.cross_entropy(out[:-1], torch.tensor(tokens[1:]), reduction="sum")
        count += len(tokens) - 1
        kept.append([rounded(out[at].tolist()) for at in (0, len(tokens) - 1)])
    loss = total / count
    loss.backward()
    trained = adapter if adapted else w
    expected = {
        "torch": torch.__version__, "sequences": sequences, "firstAndLastLogits": kept, "loss": float(f"{loss.item():.12g}"),
        "gradients": {key: summary(value.grad) for key, value in trained.items()},
    }
    with open(os.path.join(folder, "expected.json"), "w") as file:
        json.dump(expected, file)
    print(f"{os.path.basename(folder)}: loss {loss.item():.6f}, {sum(v.numel() for v in w.values())} values")


if __name__ == "__main__":
    for family, (kind, shards, config) in FAMILIES.items():
        record(family, kind, shards, config)
    record("qwen3", *FAMILIES["qwen3"], adapted=True)
