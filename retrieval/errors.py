"""What can go wrong with a knowledge base, named after the problem."""

from __future__ import annotations


class RetrievalError(Exception):
    """Base of every error of this folder."""


class UsageError(RetrievalError):
    """The caller asked for something that cannot be answered as asked."""


class EmptyQuery(UsageError):
    """A search without a word to search for."""


class UnknownEmbedder(UsageError):
    """An embedder's name that this version does not know."""


class UnknownField(UsageError):
    """A filter on a field that chunks do not have."""


class UnknownChunk(RetrievalError, LookupError):
    """A chunk id that is not, or no longer, in the knowledge base."""


class KnowledgeBaseMissing(RetrievalError):
    """A knowledge base was opened with `create=False` and does not exist."""


class KnowledgeBaseBusy(RetrievalError):
    """Another process owns the folder; Chroma allows one owner at a time."""


class KnowledgeBaseClosed(RetrievalError):
    """A knowledge base was used after `close()`."""


class FolderNotWritable(RetrievalError):
    """The folder cannot be created or written."""


class EmbedderMismatch(RetrievalError):
    """A knowledge base was opened with another embedder than the one that built it."""


class EmbedderFailed(RetrievalError):
    """The embedder of a knowledge base gave no vectors (no key, no network, no package)."""


class IndexDamaged(RetrievalError):
    """Files of the index are unreadable or do not fit together."""

    def __init__(self, folder: object, what: object) -> None:
        super().__init__(
            f"The index in {str(folder)!r} is damaged: {what}. Run `graphwright ingest --rebuild` with the same "
            "sources; damaged files are moved aside into 'damaged-*', not deleted."
        )


class MemoryRefused(UsageError):
    """A memory is not kept, or not forgotten; the text is a sentence for whoever asked."""


class MemoryDamaged(RetrievalError):
    """The file of the memories is unreadable."""

    def __init__(self, path: object, what: object) -> None:
        super().__init__(
            f"The memories in {str(path)!r} cannot be read: {what}. Nothing was changed: put a backup of the file in "
            "its place, or move it aside to begin with none."
        )
