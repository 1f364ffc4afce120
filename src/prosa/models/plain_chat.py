"""What models from elsewhere leave open about talking: a template, where turns end, padding."""

from typing import TYPE_CHECKING, Any

from jinja2 import TemplateError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

USER, ASSISTANT = "Pergunta:", "Resposta:"

TEMPLATE = (
    "{{ bos_token or '' }}"
    "{% for message in messages %}"
    "{% if message['role'] == 'user' %}{{ '" + USER + " ' + message['content'] + '\\n' }}"
    "{% elif message['role'] == 'assistant' %}"
    "{{ '" + ASSISTANT + " ' + message['content'] + (eos_token or '') + '\\n' }}"
    "{% else %}{{ message['content'] + '\\n\\n' }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '" + ASSISTANT + "' }}{% endif %}"
)
"""For a model that has none: words that it can read without learning a new token."""

STOP = f"\n{USER}"
"""Where a model that has not learned the end of an answer begins to speak for the person."""


def complete(model: "PreTrainedModel", tokenizer: Any, *, writes: bool) -> None:
    """Give a tokenizer padding, and one whose model `writes` a template; let turns end generation.

    Padding may be the end: what is padded is masked, and only an answer's own end is learned.
    """
    if tokenizer.pad_token_id is None and tokenizer.eos_token_id is not None:
        tokenizer.pad_token = tokenizer.eos_token
    if not writes:
        return
    if not tokenizer.chat_template:
        tokenizer.chat_template = TEMPLATE
    ends = model.generation_config.eos_token_id
    known = [] if ends is None else ends if isinstance(ends, list) else [ends]
    own = [tokenizer.eos_token_id, _turn_end(tokenizer)]
    every = list(dict.fromkeys([*known, *(end for end in own if end is not None)]))
    model.generation_config.eos_token_id = every[0] if len(every) == 1 else every or None
    if model.generation_config.pad_token_id is None:
        model.generation_config.pad_token_id = tokenizer.pad_token_id


def _turn_end(tokenizer: Any) -> int | None:
    """The special token that the template writes behind an answer, if it writes one."""
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "zqz"}]
    try:
        text = tokenizer.apply_chat_template(turns, tokenize=False)
    except (TemplateError, ValueError):
        return None
    behind = text.rpartition("zqz")[2]
    special = {str(token): number for number, token in tokenizer.added_tokens_decoder.items()}
    places = {behind.find(token): number for token, number in special.items() if token in behind}
    return places[min(places)] if places else None
