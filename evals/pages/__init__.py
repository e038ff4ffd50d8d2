"""Reports as HTML pages: one file each, without scripts and requests, readable in any browser and in print."""

from .comparison_page import comparison_page
from .run_page import html_page

__all__ = ["comparison_page", "html_page"]
