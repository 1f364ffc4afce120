"""What requests may hold: OpenAI's fields, and of them those that do something here.

A field that would change the answer and is not there is refused; what only names or tags a request
is ignored, as are fields that nobody knows. `top_k` and `repetition_penalty` are further ones.
"""

from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from prosa.generation.options import Decoding

Text = Annotated[str, Field(max_length=1 << 20)]
Name = Annotated[str, Field(min_length=1, max_length=1_000)]
Stop = Annotated[str, Field(max_length=200)]
_LEAST, _MOST = -(1 << 63), (1 << 63) - 1


class StreamOptions(BaseModel):
    """What comes with a stream."""

    include_usage: bool = False


class Writing(BaseModel):
    """How an answer is written, whatever it answers."""

    model: Name = Field(description="A name from /v1/models.")
    max_tokens: int | None = Field(None, ge=1, le=1 << 31)
    temperature: float | None = Field(None, ge=0, le=2, allow_inf_nan=False)
    top_p: float | None = Field(None, gt=0, le=1, allow_inf_nan=False)
    top_k: int | None = Field(None, ge=0, le=1 << 31)
    repetition_penalty: float | None = Field(None, ge=0.1, le=10, allow_inf_nan=False)
    seed: int | None = Field(None, ge=_LEAST, le=_MOST)
    stop: Stop | Annotated[list[Stop], Field(max_length=16)] | None = None
    n: int | None = Field(None, ge=1, le=128)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    presence_penalty: Literal[0] | None = None
    frequency_penalty: Literal[0] | None = None
    logit_bias: Annotated[dict[str, Any], Field(max_length=0)] | None = None

    def decoding(self, default: Decoding) -> Decoding:
        """How to draw: what is not said here is as in `prosa generate` or `prosa chat`."""
        stop = (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())
        names = ("temperature", "top_p", "top_k", "repetition_penalty", "seed")
        given = {name: value for name in names if (value := getattr(self, name)) is not None}
        length = getattr(self, "max_completion_tokens", None) or self.max_tokens
        return replace(default, **given, stop=stop, max_new_tokens=length or default.max_new_tokens)


class Part(BaseModel):
    """A part of what was said; only text can be read."""

    type: Literal["text"]
    text: Text


class Message(BaseModel):
    """What somebody said."""

    role: Literal["system", "developer", "user", "assistant"]
    content: Text | list[Part]

    def plain(self) -> dict[str, str]:
        """As models take it."""
        parts = [self.content] if isinstance(self.content, str) else [p.text for p in self.content]
        role = "system" if self.role == "developer" else self.role
        return {"role": role, "content": "\n".join(parts)}


class TextFormat(BaseModel):
    """The only form of answers."""

    type: Literal["text"]


class ChatRequest(Writing):
    """A conversation in which the model speaks next."""

    messages: list[Message] = Field(min_length=1, max_length=1_000)
    max_completion_tokens: int | None = Field(None, ge=1, le=1 << 31)
    logprobs: bool | None = None
    top_logprobs: int | None = Field(None, ge=0, le=20)
    response_format: TextFormat | None = None
    tools: Annotated[list[Any], Field(max_length=0)] | None = None
    functions: Annotated[list[Any], Field(max_length=0)] | None = None

    @property
    def top(self) -> int | None:
        """How many likely tokens are wanted with each one; None for no scores."""
        return (self.top_logprobs or 0) if self.logprobs else None


class CompletionRequest(Writing):
    """Texts that the model goes on with."""

    prompt: Text | Annotated[list[Text], Field(min_length=1)] = ""
    logprobs: int | None = Field(None, ge=0, le=5)
    echo: Literal[False] | None = None
    suffix: Literal[""] | None = None
    best_of: Literal[1] | None = None

    @property
    def top(self) -> int | None:
        """How many likely tokens are wanted with each one; None for no scores."""
        return self.logprobs

    def prompts(self) -> list[str]:
        """One or several."""
        return [self.prompt] if isinstance(self.prompt, str) else self.prompt


class EmbeddingRequest(BaseModel):
    """Texts whose vectors are wanted."""

    model: Name = Field(description="A name from /v1/models.")
    input: Text | Annotated[list[Text], Field(min_length=1)]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: int | None = Field(None, ge=1, le=1 << 20)

    def texts(self) -> list[str]:
        """One or several."""
        return [self.input] if isinstance(self.input, str) else self.input
