"""Prompts: one Markdown file each, with a header that says who sends it, when, and which places are filled."""

from __future__ import annotations

from .contract import Prompt, diff_prompts
from .errors import PromptError
from .folders import add_prompt_folder
from .header import PromptHeader
from .loader import PromptSource, list_prompts, prompt

__all__ = [
    "Prompt",
    "PromptError",
    "PromptHeader",
    "PromptSource",
    "add_prompt_folder",
    "diff_prompts",
    "list_prompts",
    "prompt",
]
