"""Answers in OpenAI's shapes, whole and in chunks, and errors in theirs."""

import json
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi.responses import JSONResponse
from transformers.convert_slow_tokenizer import bytes_to_unicode

from prosa.answering.answerer import Answer, Citation
from prosa.generation.batch import Scored, Step

_BYTES = {sign: byte for byte, sign in bytes_to_unicode().items()}  # type: ignore[no-untyped-call]


def failure(
    status: int,
    message: str,
    *,
    param: str | None = None,
    code: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """An error as OpenAI's clients expect it."""
    kinds = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
    kind = kinds.get(status, "invalid_request_error" if status < 500 else "server_error")
    body = {"error": {"message": message, "type": kind, "param": param, "code": code}}
    return JSONResponse(body, status, dict(headers or {}))


def event(body: Any) -> str:
    """A line of a stream."""
    return f"data: {json.dumps(body, ensure_ascii=False)}\n\n"


class Spelling:
    """Tokens as text and as bytes, which may be a part of a character."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    def __call__(self, token: int) -> tuple[str, list[int]]:
        """The text of a token with the space before it, and its bytes."""
        once = self._tokenizer.decode([token])
        text = self._tokenizer.decode([token, token])[len(once) :]
        if "\ufffd" in text:
            signs = self._tokenizer.convert_ids_to_tokens(token)
            if all(sign in _BYTES for sign in signs):
                return text, [_BYTES[sign] for sign in signs]
        return text, list(text.encode())


class Reply:
    """The frame of one answer: chat or completion, whole or in chunks.

    Args:
        model: The name it was asked by.
        chat: An answer in a conversation; else a continuation.
        spelling: How the model's tokens read; None of an index.
    """

    def __init__(self, model: str, spelling: Spelling | None, *, chat: bool) -> None:
        self._model, self._chat, self._spelling = model, chat, spelling
        self._text = "content" if chat else "text"
        self._made = int(time.time())
        self._id = f"{'chatcmpl' if chat else 'cmpl'}-{uuid.uuid4().hex}"

    def body(self, choices: Sequence[Any], usage: Any = None, *, chunk: bool) -> dict[str, Any]:
        """Choices in their frame."""
        kind = "chat.completion" if self._chat else "text_completion"
        return {
            "id": self._id,
            "object": f"{kind}.chunk" if chunk and self._chat else kind,
            "created": self._made,
            "model": self._model,
            "choices": list(choices),
            "usage": usage,
        }

    def choice(
        self, number: int, items: Sequence[Step | Answer], *, start: int | None = None
    ) -> dict[str, Any]:
        """A choice from its steps: from all of them, or from one whose text begins at `start`."""
        steps = list(map(_as_step, items))
        text = "".join(step.text for step in steps)
        scores = self._scores([step.scored for step in steps if step.scored], start or 0)
        choice = {"index": number, "finish_reason": steps[-1].finish, "logprobs": scores}
        said = {self._text: text, **_more(items[-1])}
        if not self._chat:
            return {**choice, **said}
        if start is None:
            return {**choice, "message": {"role": "assistant", "refusal": None, **said}}
        return {**choice, "delta": said if start else {"role": "assistant", **said}}

    def _scores(self, scored: Sequence[Scored], start: int) -> dict[str, Any] | None:
        if not scored or self._spelling is None:
            return None
        spelled = [self._spelling(one.token)[0] for one in scored]
        if self._chat:
            content = [
                {
                    **self._score(one.token, one.logprob),
                    "top_logprobs": [self._score(*pair) for pair in one.top],
                }
                for one in scored
            ]
            return {"content": content, "refusal": None}
        offsets = [start + len("".join(spelled[:n])) for n in range(len(spelled))]
        return {
            "tokens": spelled,
            "token_logprobs": [one.logprob for one in scored],
            "top_logprobs": [{self._spelling(t)[0]: p for t, p in one.top} for one in scored],
            "text_offset": offsets,
        }

    def _score(self, token: int, logprob: float) -> dict[str, Any]:
        assert self._spelling is not None
        text, spelled = self._spelling(token)
        return {"token": text, "logprob": logprob, "bytes": spelled}


def usage(prompt: int, written: int) -> dict[str, int]:
    """Tokens read and written."""
    counts = {"prompt_tokens": prompt, "completion_tokens": written}
    return {**counts, "total_tokens": prompt + written}


def _as_step(item: Step | Answer) -> Step:
    return item if isinstance(item, Step) else Step(_readable(item), "stop")


def _more(item: Step | Answer) -> dict[str, Any]:
    """Of an index's answer, what a program wants to know besides its text."""
    value = item.to_json() if isinstance(item, Answer) else {}
    return {name: value[name] for name in ("citations", "abstained", "confidence") if value}


def _readable(answer: Answer) -> str:
    """An answer with its sources, for a client that shows nothing but text."""
    shown = () if answer.abstained else answer.citations
    lines = [f"[{number}] {_place(one)}" for number, one in enumerate(shown, 1)]
    return "\n\n".join(part for part in (answer.answer, "\n".join(lines)) if part)


def _place(one: Citation) -> str:
    return f"{one.source}, {one.location}" if one.location else one.source
