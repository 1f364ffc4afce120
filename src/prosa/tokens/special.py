"""The special tokens of every tokenizer made here, their ids, and the chat template.

Padding, start and end are three different tokens: a model trained with the end masked as padding
never learns to stop.
"""

PAD, UNKNOWN, START, END = "<pad>", "<unk>", "<s>", "</s>"
TURN_START, TURN_END = "<|im_start|>", "<|im_end|>"

SPECIAL = (PAD, UNKNOWN, START, END)
"""Ids 0 to 3, in this order."""

CHAT_SPECIAL = (*SPECIAL, TURN_START, TURN_END)
"""With conversations, ids 4 and 5 as well."""

MASK = "[MASK]"
"""What stands for a word that a masked model is to guess."""

ROLES = ("user", "assistant", "system")
"""Who speaks in a conversation; every chat tokenizer can write these words."""

CHAT_TEMPLATE = (
    "{{ bos_token }}"
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' }}"
    "{% if message['role'] == 'assistant' %}"
    "{% generation %}{{ (message['content'] | trim) + '<|im_end|>' }}{% endgeneration %}"
    "{% else %}{{ (message['content'] | trim) + '<|im_end|>' }}{% endif %}"
    "{{ '\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
"""ChatML, with marks around what the assistant says."""
