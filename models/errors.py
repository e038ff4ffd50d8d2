"""What can go wrong with a model, sorted by what helps: trying again, changing the request, or a person."""

from __future__ import annotations


class ModelError(Exception):
    """A model did not answer. The message says what happened, where, and what to do."""

    retryable: bool = False
    """Whether the same request, sent again, may succeed."""

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        status: int | None = None,
        retryable: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Seconds the server asked to wait, if it did."""
        self.status = status
        """HTTP status, if there was an answer."""
        if retryable is not None:
            self.retryable = retryable


class ModelUnavailable(ModelError):
    """Overloaded, rate limited, unreachable, reset or too slow (429, 5xx, connection, timeout)."""

    retryable = True


class ModelAnswerMalformed(ModelError):
    """An answer that cannot be read: not JSON, a stream that broke off, no choices."""

    retryable = True


class ModelRequestInvalid(ModelError):
    """The server understood and refused the request (400, 404, 422): sending it again cannot help."""


class ModelAuthFailed(ModelError):
    """The key is missing, wrong or not allowed to use this model (401, 403)."""


class ModelFiltered(ModelError):
    """The server's content filter withheld the answer."""


class UnknownModel(ModelError):
    """A model specification that means nothing here; the message lists the forms that do."""


class MissingExtra(ModelError):
    """A feature whose optional dependency is not installed; the message is the command that installs it."""


class RealModelBanned(ModelError):
    """A test or an eval tried to call a real model while those are banned."""


class CassetteMiss(ModelError):
    """A request that no recording answers; the message shows the difference to the nearest one."""


class ScriptMismatch(ModelError):
    """A scripted model was asked something its script does not answer, or was not asked all of it."""
