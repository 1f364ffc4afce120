"""A run with an adapter that is killed goes on to the same weights."""

import pytest
from safetensors.torch import load_file

from prosa import train
from prosa.training import control


class KilledError(Exception):
    pass


@pytest.mark.parametrize("lora", [True, False])
def test_a_killed_run_resumes_to_the_same_weights(lora, checkpoint, faq_file, monkeypatch):
    monkeypatch.setattr(control, "CHECKPOINT_SECONDS", 0.0)
    same = {"from_model": str(checkpoint("llama")), "lora": lora, "steps": 6, "batch_size": 4}
    train(str(faq_file), output="whole", **same)
    saved = control.RunControl.on_step_begin

    def killed(self, args, state, *rest, **more):
        if state.global_step == 3:
            raise KilledError
        return saved(self, args, state, *rest, **more)

    monkeypatch.setattr(control.RunControl, "on_step_begin", killed)
    with pytest.raises(KilledError):
        train(str(faq_file), output="killed", **same)
    monkeypatch.setattr(control.RunControl, "on_step_begin", saved)
    run = train(str(faq_file), output="killed", resume=True, **same)
    assert run.result["steps"] == 6
    name = "adapter_model.safetensors" if lora else "model.safetensors"
    whole, again = load_file(f"whole/{name}"), load_file(f"killed/{name}")
    assert whole.keys() == again.keys()
    assert all(abs(whole[key] - again[key]).max() < 1e-6 for key in whole)
