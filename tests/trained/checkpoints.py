"""Tiny random checkpoints of other people's architectures, with real tokenizers."""

import torch
import transformers as hf
from tests.fixtures import NOUNS, sentences
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

SPECIAL = ["<pad>", "<s>", "</s>", "<unk>", "[MASK]", "<|im_end|>", "<|im_start|>"]
SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
DECODER = {
    **SMALL,
    "num_key_value_heads": 1,
    "intermediate_size": 64,
    "max_position_embeddings": 256,
}
PAIR = {
    "d_model": 32,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 64,
    "decoder_ffn_dim": 64,
    "max_position_embeddings": 128,
}
IDS = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
NAMES = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>"}
CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
# As Gemma's: the assistant has another name, and a system is refused.
NO_SYSTEM = (
    "{{ bos_token }}{% for m in messages %}"
    "{% if m['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{{ '<|im_start|>' + ('model' if m['role'] == 'assistant' else m['role']) + '\n' }}"
    "{{ m['content'] | trim + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>model\n' }}{% endif %}"
)

WRITERS = ("gpt2", "llama", "qwen3", "gemma3", "mixtral", "bart", "t5", "blenderbot")
MAKERS = {
    # The end is the beginning and the padding too; no template.
    "gpt2": lambda v: (
        hf.GPT2LMHeadModel(
            hf.GPT2Config(
                vocab_size=v,
                n_positions=128,
                n_embd=32,
                n_layer=2,
                n_head=2,
                bos_token_id=2,
                eos_token_id=2,
            )
        ),
        {"bos_token": "</s>", "eos_token": "</s>"},
        None,
    ),
    # Padding is the end.
    "llama": lambda v: (
        hf.LlamaForCausalLM(
            hf.LlamaConfig(vocab_size=v, **DECODER, bos_token_id=1, eos_token_id=2)
        ),
        {**NAMES, "pad_token": "</s>"},
        None,
    ),
    # No beginning, a template with a system, and an answer's own end.
    "qwen3": lambda v: (
        hf.Qwen3ForCausalLM(hf.Qwen3Config(vocab_size=v, **DECODER, head_dim=16, eos_token_id=2)),
        {"pad_token": "<pad>", "eos_token": "</s>", "chat_template": CHATML},
        None,
    ),
    "gemma3": lambda v: (
        hf.Gemma3ForCausalLM(
            hf.Gemma3TextConfig(vocab_size=v, **DECODER, head_dim=16, sliding_window=32, **IDS)
        ),
        {**NAMES, "chat_template": NO_SYSTEM},
        None,
    ),
    "mixtral": lambda v: (
        hf.MixtralForCausalLM(
            hf.MixtralConfig(
                vocab_size=v,
                **DECODER,
                num_local_experts=2,
                num_experts_per_tok=1,
                bos_token_id=1,
                eos_token_id=2,
            )
        ),
        {"bos_token": "<s>", "eos_token": "</s>"},  # no padding
        None,
    ),
    "bart": lambda v: (
        hf.BartForConditionalGeneration(
            hf.BartConfig(
                vocab_size=v, **PAIR, decoder_start_token_id=2, forced_eos_token_id=2, **IDS
            )
        ),
        NAMES,
        "<s> $A </s>",
    ),
    "t5": lambda v: (
        hf.T5ForConditionalGeneration(
            hf.T5Config(
                vocab_size=v,
                d_model=32,
                d_kv=16,
                d_ff=64,
                num_layers=1,
                num_heads=2,
                decoder_start_token_id=0,
                pad_token_id=0,
                eos_token_id=2,
            )
        ),
        {"pad_token": "<pad>", "eos_token": "</s>"},
        "$A </s>",
    ),
    "blenderbot": lambda v: (
        hf.BlenderbotForConditionalGeneration(
            hf.BlenderbotConfig(
                vocab_size=v, **PAIR, decoder_start_token_id=1, forced_eos_token_id=2, **IDS
            )
        ),
        NAMES,
        "$A </s>",
    ),
    "bert": lambda v: (
        hf.BertForMaskedLM(
            hf.BertConfig(vocab_size=v, **SMALL, intermediate_size=64, max_position_embeddings=64)
        ),
        {
            "cls_token": "<s>",
            "sep_token": "</s>",
            "mask_token": "[MASK]",
            "pad_token": "<pad>",
        },
        "<s> $A </s>",
    ),
}


def tokenizer(names, template):
    """A byte-level BPE tokenizer, as GPT-2's."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    texts = [*sentences(), *(f"Pergunta: Onde o {n} dorme? Resposta: No rio." for n in NOUNS)]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    backend.train_from_iterator(texts, trainer)
    if template:
        ids = [("<s>", 1), ("</s>", 2)]
        backend.post_processor = processors.TemplateProcessing(single=template, special_tokens=ids)
    return hf.PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>", **names)


def make(name, folder):
    """Save the checkpoint of an architecture; gives its folder."""
    torch.manual_seed(0)
    words = len(tokenizer({}, None))
    model, names, template = MAKERS[name](words)
    model.save_pretrained(folder)
    tokenizer(names, template).save_pretrained(folder)
    return folder
