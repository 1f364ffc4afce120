"""A model folder: what is in it, and one clear message for whatever is wrong with it."""

import json
import pickle
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from prosa.errors import InputError
from prosa.models.pretrained import load, save

from .conftest import fresh


@pytest.fixture(scope="session")
def saved(tokenizer, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("saved")
    save(fresh("lstm", tokenizer), tokenizer, folder)
    return folder


@pytest.fixture
def folder(saved, tmp_path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(saved, tmp_path / "modelo"))


def refusal(folder: Path | str) -> str:
    with pytest.raises(InputError) as error:
        load(folder)
    message = str(error.value)
    assert "\n" not in message
    return message


def test_the_folder_holds_what_other_tools_expect(saved):
    names = {path.name for path in saved.iterdir()}
    assert {"config.json", "model.safetensors", "generation_config.json"} <= names
    assert {"tokenizer.json", "tokenizer_config.json"} <= names
    assert {"recurrent.py", "state.py", "generation.py", "loss.py"} <= names
    assert not [name for name in names if name.endswith((".bin", ".pt", ".pkl"))]
    config = json.loads((saved / "config.json").read_text())
    assert config["auto_map"]["AutoModelForCausalLM"] == "recurrent.RecurrentForCausalLM"
    generation = json.loads((saved / "generation_config.json").read_text())
    ids = [generation[f"{name}_token_id"] for name in ("pad", "bos", "eos")]
    assert len(set(ids)) == 3


def test_a_decoder_folder_needs_no_code(tokenizer, tmp_path):
    save(fresh("decoder", tokenizer), tokenizer, tmp_path)
    assert not list(tmp_path.glob("*.py"))
    assert "auto_map" not in json.loads((tmp_path / "config.json").read_text())


def test_chat_templates_travel_and_turns_end_generation(tokenizer, tmp_path):
    chat = tokenizer.__class__.from_pretrained(_tokenizer_folder(tokenizer, tmp_path / "t"))
    chat.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    chat.chat_template = "{% for m in messages %}{{ m.content }}{% endfor %}"
    save(fresh("gru", chat), chat, tmp_path / "chat")
    model, again = load(tmp_path / "chat")
    assert again.chat_template == chat.chat_template
    assert model.generation_config.eos_token_id == [
        chat.eos_token_id,
        chat.convert_tokens_to_ids("<|im_end|>"),
    ]


def _tokenizer_folder(tokenizer, folder: Path) -> str:
    tokenizer.save_pretrained(folder)
    return str(folder)


def test_code_in_the_folder_is_never_run(folder):
    for path in folder.glob("*.py"):
        path.write_text("raise SystemExit('executed')")
    model, _ = load(folder)
    assert type(model).__module__ == "prosa.models.recurrent"


def test_a_model_that_needs_its_own_code_is_refused(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "alien"}))
    (folder / "recurrent.py").write_text("raise SystemExit('executed')")
    assert "cannot be built" in refusal(folder)


def test_loaded_weights_do_not_depend_on_the_file(folder):
    model, _ = load(folder)
    before = model.lm_head.weight.detach().clone()
    (folder / "model.safetensors").write_bytes(b"")
    assert torch.equal(model.lm_head.weight, before)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    message = refusal(folder)
    assert str(folder / name) in message
    assert "missing" in message


@pytest.mark.parametrize(
    "name", ["config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"]
)
@pytest.mark.parametrize("damage", [b'{"model_type": ', b"\xff\xfe\x00", b"[]", b""])
def test_a_damaged_json_file_is_named(folder, name, damage):
    (folder / name).write_bytes(damage)
    message = refusal(folder)
    assert str(folder / name) in message
    assert "damaged" in message


def test_a_tokenizer_without_content_is_named(folder):
    (folder / "tokenizer.json").write_text("{}")
    assert str(folder / "tokenizer.json") in refusal(folder)


@pytest.mark.parametrize("kept", [0, 4, 100, -1])
def test_weights_cut_off_are_named(folder, kept):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:kept])
    message = refusal(folder)
    assert str(path) in message
    assert "damaged or cut off" in message


class Bomb:
    def __reduce__(self):
        return (Path.touch, (Path("exploded"),))


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "last.ckpt"])
def test_pickled_weights_are_refused_and_not_opened(folder, name):
    (folder / "model.safetensors").unlink()
    torch.save({"w": Bomb()}, folder / name)
    message = refusal(folder)
    assert str(folder / name) in message
    assert "pickle" in message
    assert "safetensors" in message
    assert not Path("exploded").exists()


@pytest.mark.parametrize("protocol", [0, 2, 4, "zip"])
def test_a_pickle_renamed_to_safetensors_is_refused(folder, protocol):
    path = folder / "model.safetensors"
    if protocol == "zip":
        torch.save({"w": Bomb()}, path)
    else:
        path.write_bytes(pickle.dumps({"w": Bomb()}, protocol=protocol))
    message = refusal(folder)
    assert str(path) in message
    assert "pickle" in message or "damaged" in message
    assert not Path("exploded").exists()


def test_a_pickle_itself_is_no_model(tmp_path):
    torch.save({"w": Bomb()}, tmp_path / "modelo.pt")
    assert "pickle" in refusal(tmp_path / "modelo.pt")


def test_a_file_is_no_model(tmp_path):
    (tmp_path / "conto.txt").write_text("Era uma vez.")
    assert "folder of a model" in refusal(tmp_path / "conto.txt")


@pytest.mark.parametrize("change", [{"hidden_size": 33}, {"num_hidden_layers": 3}])
def test_weights_of_another_shape_are_refused(folder, change):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | change))
    message = refusal(folder)
    assert "do not fit" in message
    assert str(folder / "model.safetensors") in message


def test_a_missing_weight_is_not_made_up(folder):
    path = folder / "model.safetensors"
    weights = load_file(path)
    weights.pop("lm_head.weight")
    save_file(weights, path, metadata={"format": "pt"})
    message = refusal(folder)
    assert "do not fit" in message
    assert "lm_head.weight" in message


def test_a_setting_that_makes_no_sense_is_named(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"cell": "transistor"}))
    message = refusal(folder)
    assert str(folder / "config.json") in message
    assert "transistor" in message


def test_a_tokenizer_of_another_model_is_refused(folder):
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text())
    content["model"]["vocab"]["outra"] = len(content["model"]["vocab"])
    path.write_text(json.dumps(content))
    assert "different models" in refusal(folder)


def test_weights_to_add_to_another_model_are_not_a_model(folder):
    (folder / "model.safetensors").unlink()
    (folder / "adapter_config.json").write_text("{}")
    assert "not a model" in refusal(folder)


def test_a_folder_that_is_not_there(tmp_path):
    assert "no such model folder" in refusal(tmp_path / "nada" / "mesmo")


def test_a_hub_name_without_a_network():
    message = refusal("alguem/modelo-que-nao-existe")
    assert "alguem/modelo-que-nao-existe" in message
    assert "network" in message
