"""Every saved family loads and writes in a new process with plain transformers, without prosa."""

import subprocess
import sys

import torch
from safetensors.torch import save_file

from prosa.models.pretrained import auto_class, save
from prosa.models.registry import REGISTRY

from .conftest import PAIRWISE, encoder_model, names, pair_model, small_model

SCRIPT = """
import sys
sys.modules["prosa"] = None  # as on a machine where it is not installed
import torch, transformers
from safetensors.torch import load_file
for place in sys.argv[1:]:
    auto, _, folder = place.partition(":")
    auto = getattr(transformers, auto)
    model = auto.from_pretrained(folder, trust_remote_code=True)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, trust_remote_code=True)
    known = load_file(folder + "/known.safetensors")
    inputs = {name[3:]: values for name, values in known.items() if name.startswith("in_")}
    with torch.no_grad():
        assert torch.allclose(model(**inputs).logits, known["logits"], atol=1e-5), folder
    for beams in (1, 3):
        if f"beams{beams}" in known:
            ids = inputs["input_ids"]
            new = model.generate(ids, max_new_tokens=8, num_beams=beams, do_sample=False)
            assert torch.equal(new, known[f"beams{beams}"]), folder
            assert len(tokenizer.decode(new[0])) > 0
    model.save_pretrained(folder + "/again")
    auto.from_pretrained(folder + "/again", trust_remote_code=True)
    print("loaded", folder)
"""


def everything(tokenizer):
    """A small trained model of every family, with something to read and to write."""
    for name in names():
        trained = small_model(name, tokenizer)
        yield trained, {"input_ids": trained.encode("O me")}
    for kind in PAIRWISE:
        paired = pair_model(kind)
        both = {"input_ids": paired.source("o cão"), "decoder_input_ids": paired.target("the")}
        yield paired, both
    encoder = encoder_model()
    yield encoder, {"input_ids": encoder.source("O menino perdeu a [MASK].")}


def test_no_family_is_left_out_of_the_contracts():
    covered = {*names(), "encoder", *(name for name, _sizes in PAIRWISE.values())}
    assert covered == set(REGISTRY)


def test_plain_transformers_loads_and_writes(tokenizer, tmp_path, offline_home):
    places = []
    for number, (trained, inputs) in enumerate(everything(tokenizer)):
        folder, model = tmp_path / f"model{number}", trained.model
        save(model, trained.tokenizer, folder)
        with torch.no_grad():
            known = {f"in_{name}": values for name, values in inputs.items()}
            known["logits"] = model(**inputs).logits.contiguous()
            for beams in (1, 3) if model.can_generate() else ():
                known[f"beams{beams}"] = model.generate(
                    inputs["input_ids"], max_new_tokens=8, num_beams=beams, do_sample=False
                ).contiguous()
        save_file(known, folder / "known.safetensors")
        places.append(f"{auto_class({'architectures': [type(model).__name__]})}:{folder}")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *places],
        env=offline_home,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("loaded") == len(places)
