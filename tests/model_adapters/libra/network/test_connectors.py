from __future__ import annotations

import pytest
import torch
from oracles import GOLDEN, assert_close, tensors
from safetensors import safe_open

from benchmarks.errors import ModelError
from model_adapters.checkpoints.weights import load_into
from model_adapters.libra.network.connectors import TemporalAlignmentConnector, build_connector

TAC = ["basic", "single", "big_prior"]


def recorded(name: str) -> tuple[TemporalAlignmentConnector, dict[str, torch.Tensor]]:
    stored = tensors(f"tac_{name}.safetensors")
    with safe_open(GOLDEN / f"tac_{name}.safetensors", framework="pt") as file:
        heads = int(file.metadata()["num_attention_heads"])
    hidden_size, _ = stored["w.mlp_final.6.weight"].shape
    connector = build_connector(
        "TAC", mm_hidden_size=stored["in.cur"].shape[-1], hidden_size=hidden_size, num_attention_heads=heads
    )
    assert isinstance(connector, TemporalAlignmentConnector)
    load_into(connector, {key[2:]: value for key, value in stored.items() if key.startswith("w.")}, where=name)
    return connector.eval(), stored


@pytest.mark.parametrize("name", TAC)
def test_outputs_of_the_original(name):
    tac, stored = recorded(name)
    current, prior = stored["in.cur"], stored["in.prior"]
    with torch.no_grad():
        assert_close(tac(current, prior), stored["out"])
        assert_close(tac(current, current), stored["out.dummy_prior"])
        assert_close(tac(prior, current), stored["out.swapped"])
        tac.LFE_prior_bias.zero_()
        assert_close(tac(current, prior), stored["out.prior_bias_zero"])


@pytest.mark.parametrize("name", TAC)
def test_values_on_the_way(name):
    tac, stored = recorded(name)
    seen: dict[str, list[torch.Tensor]] = {}
    for part in ("LFE.1", "LFE.3", "LFE.5", "norm1", "norm2", "norm3", "norm4"):
        tac.get_submodule(part).register_forward_hook(
            lambda module, inputs, output, part=part: seen.setdefault(part, []).append(output)
        )
    with torch.no_grad():
        tac(stored["in.cur"], stored["in.prior"])
    forward = {part: list(outputs) for part, outputs in seen.items()}
    with torch.no_grad():
        x = stored["in.cur"]
        for index in (0, 2, 4):
            gate = tac.LFE[index](x)
            assert_close(gate, stored[f"mid.cur.LFE.{index}.scale"])
            x = tac.LFE[index + 1](x, gate)
        current, prior = (stored[f"mid.{which}.LFE.5"].squeeze(1) for which in ("cur", "prior"))
        assert_close(tac.prior_weight(current, prior), stored["mid.cos_pow8"])
        assert_close(tac.prior_weight(current, current), stored["mid.cos_pow8_dummy"])
        biased = prior + tac.prior_weight(current, prior) * tac.LFE_prior_bias
        assert_close(biased, stored["mid.prior_biased"])
    for part, outputs in forward.items():
        keys = [f"mid.cur.{part}", f"mid.prior.{part}"] if part.startswith("LFE") else [f"mid.{part}"]
        for key, output in zip(keys, outputs, strict=True):
            if key in stored:
                assert_close(output, stored[key])


@pytest.mark.parametrize("name", TAC)
@pytest.mark.parametrize("kind", ["grad", "wgrad"])
def test_gradients_of_the_original(name, kind):
    tac, stored = recorded(name)
    current, prior = (stored[f"in.{which}"].clone().requires_grad_() for which in ("cur", "prior"))
    out = tac(current, prior)
    (out if kind == "grad" else out * stored["in.loss_weight"]).sum().backward()
    found = {key: parameter.grad for key, parameter in tac.named_parameters()}
    found |= {"in.cur": current.grad, "in.prior": prior.grad}
    keys = [key for key in stored if key.startswith(f"{kind}.")]
    assert keys
    for key in keys:
        assert_close(found[key.removeprefix(f"{kind}.")], stored[key], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", TAC)
def test_bfloat16(name):
    tac, stored = recorded(name)
    with torch.no_grad():
        out = tac.bfloat16()(stored["in.cur"].bfloat16(), stored["in.prior"].bfloat16())
    assert_close(out, stored["out.bf16"], atol=3e-2, rtol=0)


@pytest.mark.parametrize("kind", ["linear", "mlp1x_gelu", "mlp2x_gelu", "mlp4x_gelu"])
def test_projectors_of_the_original(kind):
    stored = tensors("projectors.safetensors")
    projector = build_connector(kind, mm_hidden_size=24, hidden_size=40, num_attention_heads=4)
    prefix = f"{kind}.w."
    load_into(projector, {k.removeprefix(prefix): v for k, v in stored.items() if k.startswith(prefix)}, where=kind)
    current, prior = stored[f"{kind}.in"]
    with torch.no_grad():
        assert_close(projector(current, prior), stored[f"{kind}.out"])
    assert not projector.uses_prior


@pytest.mark.parametrize("kind", ["tac", "mlp0x_gelu", "mlp2x_relu", "resampler"])
def test_unknown_types(kind):
    with pytest.raises(ModelError, match="unknown projector type"):
        build_connector(kind, mm_hidden_size=24, hidden_size=40, num_attention_heads=4)


def test_what_does_not_fit_is_said():
    with pytest.raises(ModelError, match="5 heads"):
        build_connector("TAC", mm_hidden_size=24, hidden_size=40, num_attention_heads=5)
    tac = build_connector("TAC", mm_hidden_size=24, hidden_size=40, num_attention_heads=4)
    one_layer = torch.zeros(1, 1, 4, 24)
    with pytest.raises(ModelError, match="12 tower layers"):
        tac(one_layer, one_layer)
    wider = build_connector("TAC", mm_hidden_size=24, hidden_size=48, num_attention_heads=4)
    with pytest.raises(ModelError, match=r"mlp_final\.0\.bias is \[48\], not \[40\]"):
        load_into(tac, wider.state_dict(), where="x")
