"""Python source into passages, by `ast`: nothing is imported, nothing runs."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from .blocks import TARGET, line_groups, pack, text_blocks
from .chunk import Passage

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_LONGEST_CODE = 2_400
_SIGNATURE = 300


@dataclass(frozen=True, slots=True)
class Symbol:
    """A module, class or function with its docstring."""

    name: str
    node: ast.Module | _Definition
    docstring: str
    children: tuple[Symbol, ...] = ()

    @property
    def line(self) -> int:
        """First line, decorators included; 1 for a module."""
        if isinstance(self.node, ast.Module):
            return 1
        return min([self.node.lineno, *(d.lineno for d in self.node.decorator_list)])

    @property
    def end(self) -> int:
        """Last line; of a module, the last of its docstring."""
        node = self.node.body[0] if isinstance(self.node, ast.Module) and self.node.body else self.node
        return getattr(node, "end_lineno", None) or 1

    @property
    def public(self) -> bool:
        """Whether its own name is public; `__init__` and its kind are not documentation."""
        return isinstance(self.node, ast.Module) or not self.name.rpartition(".")[2].startswith("_")


def read_symbols(text: str, module: str) -> Symbol:
    """The module's tree of classes and functions. Raises SyntaxError, ValueError or RecursionError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(text)
    return Symbol(module, tree, _docstring(tree), tuple(_children(tree, module)))


def code_passages(text: str, module: str, title: str) -> Iterator[Passage]:
    """A module's code: its head, each class's head, each function, with line numbers."""
    root = read_symbols(text, module)
    lines = text.splitlines()
    for start, end, name in _spans(root, 1, len(lines)):
        if any(line.strip() for line in lines[start - 1 : end]):
            for offset, group in line_groups(lines[start - 1 : end], _LONGEST_CODE):
                body = "\n".join(group).strip("\n")
                at = start + offset
                if body.strip():
                    yield Passage(body, title, name, at, at + len(group) - 1, kind="code")


def docstring_passages(text: str, module: str, title: str) -> Iterator[Passage]:
    """Docstrings of a module's public classes and functions; a class with its short methods is one passage."""
    yield from _documented(read_symbols(text, module), title)


def _documented(symbol: Symbol, title: str) -> Iterator[Passage]:
    shown = [child for child in symbol.children if child.public]
    short: list[Symbol] = []
    if isinstance(symbol.node, ast.ClassDef):
        short = [c for c in shown if c.docstring and not c.children and len(c.docstring) < TARGET // 4]
    text = "\n\n".join([_headed(symbol), *(_headed(child) for child in short)])
    if symbol.docstring or short:
        for part in pack(text_blocks(text)):
            yield Passage(part.text, title, symbol.name, symbol.line, symbol.end, kind="docstring")
    for child in shown:
        if child not in short:
            yield from _documented(child, title)


def _headed(symbol: Symbol) -> str:
    return f"{_signature(symbol)}\n{symbol.docstring}".strip()


def _signature(symbol: Symbol) -> str:
    node = symbol.node
    if isinstance(node, ast.Module):
        return symbol.name
    if isinstance(node, ast.ClassDef):
        bases = ", ".join(ast.unparse(base) for base in node.bases)
        return f"class {symbol.name}({bases})"[:_SIGNATURE]
    head = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    arguments = ", ".join(a.arg for a in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs])
    return f"{head} {symbol.name}({arguments})"[:_SIGNATURE]


def _docstring(node: ast.Module | _Definition) -> str:
    return ast.get_docstring(node) or ""


def _children(node: ast.AST, prefix: str) -> Iterator[Symbol]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            name = f"{prefix}.{child.name}"
            inner = tuple(_children(child, name)) if isinstance(child, ast.ClassDef) else ()
            yield Symbol(name, child, _docstring(child), inner)
        elif isinstance(child, ast.If | ast.Try | ast.With):
            yield from _children(child, prefix)


def _spans(symbol: Symbol, start: int, end: int) -> Iterator[tuple[int, int, str]]:
    """Lines of a symbol not covered by its children, and its children's."""
    at = start
    for child in sorted(symbol.children, key=lambda c: c.line):
        if child.line > at:
            yield at, child.line - 1, symbol.name
        yield from _spans(child, max(at, child.line), child.end)
        at = max(at, child.end + 1)
    if at <= end:
        yield at, end, symbol.name
