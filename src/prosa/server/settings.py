"""What whoever runs the server decides."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Who may ask, and how much.

    Attributes:
        api_key: What a request has to bring; None lets everybody on this machine ask.
        local: Only this machine can reach the server: then no name but its own is believed.
        allowed_hosts: Further names by which the server may be called.
        max_rows: Texts that a model writes at a time.
        max_waiting: Texts that wait for that; further requests are sent away with 429.
        max_body: Bytes of a request.
        max_prompt: Tokens of a prompt, where the model itself has no limit.
        max_output: Tokens of an answer.
        max_choices: Answers to one request, and texts of one request for vectors, times 16.
        upload_paths: Beginnings of paths that may receive `max_upload` bytes.
        max_upload: See `upload_paths`.
    """

    api_key: str | None = None
    local: bool = True
    allowed_hosts: tuple[str, ...] = ()
    max_rows: int = 32
    max_waiting: int = 64
    max_body: int = 1 << 20
    max_prompt: int = 8_192
    max_output: int = 4_096
    max_choices: int = 16
    upload_paths: tuple[str, ...] = ()
    max_upload: int = 2 << 30
