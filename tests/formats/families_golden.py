#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write a tiny random model of every family as transformers saves it, and what transformers computes from it in float64.

families/NAME/        model.safetensors (F32), config.json (transformers 5), config_v4.json (the same model as 4 wrote it)
families_golden.json  tokens, log-probabilities [T, V], random gates [L, H], log-probabilities of
                      the targets at those gates, their mean NLL and its gradient by gate

transformers computes norms, rotary tables, soft maxima and masks in float32 whatever the type of the weights: float64() below
gives it float64 wherever it asks for float32, so the recorded numbers are those of the formulas.

Run:    python3 tests/formats/families_golden.py            (writes the files anew; the weights come from fixed seeds)
Needs:  torch 2.13.0, transformers 5.23.0
"""

import contextlib
import json
import pathlib
import shutil

import torch
import transformers

HERE = pathlib.Path(__file__).resolve().parent
DIGITS = 12  # decimals kept
VOCAB, CONTEXT, WINDOW = 29, 40, 5
LENGTHS = (17, 9)  # longer than the window

SHAPE = dict(vocab_size=VOCAB, hidden_size=12, intermediate_size=14, num_hidden_layers=3, num_attention_heads=4,
             num_key_value_heads=2, max_position_embeddings=CONTEXT, bos_token_id=1, eos_token_id=2)
WIDE = dict(SHAPE, head_dim=4)  # heads that are wider together than the model
PAIR = dict(SHAPE, num_attention_heads=2, num_key_value_heads=1)
NEOX = dict(vocab_size=VOCAB, hidden_size=24, intermediate_size=26, num_hidden_layers=2, num_attention_heads=3,
            max_position_embeddings=CONTEXT, layer_norm_eps=1e-4, bos_token_id=1, eos_token_id=2)
GEMMA = dict(WIDE, pad_token_id=0, rms_norm_eps=1e-4)


def rope(theta, **more):
    return dict(rope_theta=theta, rope_type="default") | more


FAMILIES = {
    "llama": ("llama", dict(SHAPE, head_dim=6, num_attention_heads=3, num_key_value_heads=1, attention_bias=True, mlp_bias=True, rms_norm_eps=1e-3,
                            rope_parameters=rope(100.0, rope_type="llama3", factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0,
                                                 original_max_position_embeddings=64))),
    "mistral": ("mistral", dict(WIDE, sliding_window=WINDOW, rms_norm_eps=1e-4, rope_parameters=rope(1000.0))),
    "qwen2": ("qwen2", dict(PAIR, use_sliding_window=True, sliding_window=WINDOW, max_window_layers=1, rms_norm_eps=1e-4,
                            rope_parameters=rope(1000.0), tie_word_embeddings=True)),
    "qwen3": ("qwen3", dict(WIDE, rms_norm_eps=1e-3, attention_bias=True, rope_parameters=rope(1000.0))),
    "gemma": ("gemma", dict(GEMMA, rope_parameters=rope(1000.0))),
    "gemma2": ("gemma2", dict(GEMMA, sliding_window=WINDOW, query_pre_attn_scalar=7, attn_logit_softcapping=1.5,
                              final_logit_softcapping=2.5, rope_parameters=rope(1000.0))),
    "gemma3_text": ("gemma3_text", dict(GEMMA, num_hidden_layers=7, intermediate_size=10, sliding_window=WINDOW, query_pre_attn_scalar=7,
                                        rope_parameters={"full_attention": rope(5000.0, rope_type="linear", factor=4.0),
                                                         "sliding_attention": rope(100.0)})),
    "phi3": ("phi3", dict(PAIR, sliding_window=WINDOW, rms_norm_eps=1e-4, pad_token_id=0,
                          rope_parameters=rope(1000.0, partial_rotary_factor=0.7))),  # 4 of 6 channels
    "gpt_neox": ("gpt_neox", dict(NEOX, rope_parameters=rope(1000.0, partial_rotary_factor=0.25))),
    "gpt_neox_sequential": ("gpt_neox", dict(NEOX, use_parallel_residual=False, attention_bias=False, tie_word_embeddings=True,
                                             rope_parameters=rope(1000.0, partial_rotary_factor=0.5))),
    "gpt2": ("gpt2", dict(vocab_size=VOCAB, n_embd=12, n_inner=14, n_layer=3, n_head=3, n_positions=CONTEXT,
                          layer_norm_epsilon=1e-4, bos_token_id=1, eos_token_id=2)),
}


def as_version_4(config):
    """The config.json that transformers 4 wrote for the same model; None where it is the same but for names that nobody reads."""
    old = {k: v for k, v in config.items() if k not in ("rope_parameters", "layer_types", "dtype")}
    old |= {"torch_dtype": "float32", "transformers_version": "4.57.1"}
    new = config.get("rope_parameters")
    if new is None:
        return None
    kind = config["model_type"]
    if kind == "gemma3_text":
        full = dict(new["full_attention"])
        old |= {"rope_theta": full.pop("rope_theta"), "rope_scaling": full, "sliding_window_pattern": 6,
                "rope_local_base_freq": new["sliding_attention"]["rope_theta"]}
        return old
    scaling = {k: v for k, v in new.items() if k not in ("rope_theta", "partial_rotary_factor")}
    old["rope_scaling"] = None if scaling == {"rope_type": "default"} else scaling
    if kind == "gpt_neox":
        return old | {"rotary_emb_base": new["rope_theta"], "rotary_pct": new["partial_rotary_factor"]}
    old["rope_theta"] = new["rope_theta"]
    if kind == "phi3":
        old["partial_rotary_factor"] = new["partial_rotary_factor"]
    return old


@contextlib.contextmanager
def float64():
    """float32, .float() and the default type are float64 inside."""
    kept = torch.float, torch.float32, torch.Tensor.float, torch.get_default_dtype()
    torch.float = torch.float32 = torch.float64
    torch.Tensor.float = torch.Tensor.double
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(kept[3])
        torch.float, torch.float32, torch.Tensor.float = kept[:3]


def randomise(model, seed):
    """Nothing is exactly 0 or 1, so that nothing is right by luck; activations keep their size."""
    draw = torch.Generator().manual_seed(seed)
    for module in model.modules():
        norm = "Norm" in type(module).__name__
        stored_less_1 = "Gemma" in type(module).__name__
        for name, p in module.named_parameters(recurse=False):
            x = torch.randn(p.shape, generator=draw)
            if norm and name == "weight":
                x = 0.3 * x + (0 if stored_less_1 else 1)
            elif p.dim() == 1:
                x = 0.3 * x
            elif "Embedding" not in type(module).__name__:
                x = 1.3 * x / (p.shape[0] if type(module).__name__ == "Conv1D" else p.shape[1]) ** 0.5
            p.data.copy_(x)


def output_projections(model):
    ends = ("self_attn.o_proj", "attention.dense", "attn.c_proj")
    return [m for name, m in model.named_modules() if name.endswith(ends)]


def gate_heads(model, gates):
    """gates()[l, h] scales what head h of layer l puts out, before W_O."""

    def hook(layer):
        def scale(_, inputs):
            z, g = inputs[0], gates()[layer]
            return (z.reshape(*z.shape[:-1], len(g), -1) * g[:, None]).reshape(z.shape)
        return scale

    outputs = output_projections(model)
    assert len(outputs) == model.config.num_hidden_layers
    for layer, module in enumerate(outputs):
        module.register_forward_pre_hook(hook(layer))


def rounded(tensor):
    return json.loads(json.dumps(tensor.tolist()), parse_float=lambda x: round(float(x), DIGITS))


def golden(config, state, seed):
    draw = torch.Generator().manual_seed(seed)
    sequences = [torch.randint(3, VOCAB, (n,), generator=draw) for n in LENGTHS]
    with float64():
        model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager", dtype=torch.float64).eval()
        missing = model.load_state_dict({k: v.double() for k, v in state.items()}, strict=True)
        assert not missing.missing_keys and not missing.unexpected_keys
        gates = 1.4 * torch.rand((config.num_hidden_layers, config.num_attention_heads), generator=draw, dtype=torch.float64) - 0.2
        gates.requires_grad_()
        used = torch.ones_like(gates)
        gate_heads(model, lambda: used)

        def log_probabilities(ids):
            logits = model(ids[None], use_cache=False).logits[0]
            assert logits.dtype == torch.float64
            return logits.log_softmax(-1)

        with torch.no_grad():
            plain = [log_probabilities(ids) for ids in sequences]
        used = gates
        of_targets = [log_probabilities(ids)[:-1].gather(1, ids[1:, None])[:, 0] for ids in sequences]
        mean_nll = -torch.stack([p.mean() for p in of_targets]).mean()  # over sequences, of the mean over target tokens
        mean_nll.backward()
    return {
        "sequences": [ids.tolist() for ids in sequences],
        "log_probabilities": [rounded(p) for p in plain],
        "gates": rounded(gates.detach()),
        "target_log_probabilities": [rounded(p.detach()) for p in of_targets],  # at those gates, of every token but the first
        "mean_nll": round(mean_nll.item(), DIGITS),
        "d_mean_nll_d_gates": rounded(gates.grad),
    }


def main():
    everything = {}
    for seed, (name, (kind, settings)) in enumerate(FAMILIES.items()):
        config = transformers.AutoConfig.for_model(kind, **settings)
        model = transformers.AutoModelForCausalLM.from_config(config)
        randomise(model, seed)
        directory = HERE / "families" / name
        shutil.rmtree(directory, ignore_errors=True)
        model.save_pretrained(directory)
        (directory / "generation_config.json").unlink(missing_ok=True)
        written = json.loads((directory / "config.json").read_text())
        old = as_version_4(written)
        if old is not None:
            (directory / "config_v4.json").write_text(json.dumps(old, indent=2, sort_keys=True) + "\n")
            again = transformers.AutoConfig.for_model(**old).to_dict()
            for key in ("rope_parameters", "layer_types", "sliding_window"):
                assert again.get(key) == config.to_dict().get(key), (name, key, again.get(key), config.to_dict().get(key))
        everything[name] = golden(config, model.state_dict(), 100 + seed)
        print(f"{name:20} {sum(f.stat().st_size for f in directory.iterdir()):6} bytes   mean NLL {everything[name]['mean_nll']}")
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in everything.items())
    (HERE / "families_golden.json").write_text("{" + lines + "}\n")


if __name__ == "__main__":
    main()
