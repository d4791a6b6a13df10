# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Running the code of templates: one forked child for all sections of a file, a fresh namespace for each."""

from __future__ import annotations

import os
import sys

from univention_xen.registry.filter import Section, fill

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ast
    from collections.abc import Sequence
    from typing import Any

    from univention_xen.registry.config import ConfigRegistry


class SectionFailed(Exception):
    """A piece of code in a template did not come to its end; the message says which and why."""


def run(sections: Sequence[Section], root: str, *, debug: bool = False) -> list[str]:
    """Return what each section prints, programs it starts included; its stderr is ours.

    As UCR does, the code gets the registry as it is on disk. Raises SectionFailed when a section raises or exits
    with another status than 0, so that nobody takes what it printed until then for the whole.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    output = os.memfd_create("output")
    report = os.memfd_create("report")
    try:
        child = os.fork()
        if child == 0:
            _live(sections, root, output, report, debug)
        _, status = os.waitpid(child, 0)
        ends = _content(report).decode("utf-8", "surrogateescape").split("\0")
        if status or len(ends) != len(sections) + 1:
            raise SectionFailed(ends[-1] or _end(os.waitstatus_to_exitcode(status)))
        ends.pop()
        data = _content(output)
    finally:
        os.close(output)
        os.close(report)
    starts = [0, *map(int, ends)]
    return [_text(data[start:end]) for start, end in zip(starts, starts[1:], strict=False)]  # noqa: RUF007


def _end(code: int) -> str:
    """Say how a child ended that had no time to say it itself."""
    return f"its code was killed by signal {-code}" if code < 0 else f"its code ended at once with status {code}"


def _content(fd: int) -> bytes:
    os.lseek(fd, 0, os.SEEK_SET)
    parts = []
    while part := os.read(fd, 1 << 20):
        parts.append(part)
    return b"".join(parts)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _live(sections: Sequence[Section], root: str, output: int, report: int, debug: bool) -> None:
    """Be the child: run everything, leave where each output ends and, at last, a reason, and never come back."""
    code = 1
    try:
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(output, 1)
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stdout = open(  # noqa: SIM115 - it lives as long as the process
            1, "w", encoding="utf-8", errors="surrogateescape", closefd=False, buffering=1
        )
        import atexit

        from univention_xen.registry.config import ConfigRegistry

        atexit._clear()  # what our parent has promised to do at its end
        registry = ConfigRegistry(root=root).load()
        for section in sections:
            reason = _execute(section, registry, debug)
            sys.stdout.flush()
            if reason:
                os.write(report, reason.encode("utf-8", "surrogateescape"))
                return
            os.write(report, b"%d\0" % os.lseek(1, 0, os.SEEK_CUR))
        code = 0
    except BaseException as why:
        os.write(report, repr(why).encode("utf-8", "backslashreplace"))
    finally:
        try:
            sys.stderr.flush()
        finally:
            os._exit(code)


def _execute(section: Section, registry: ConfigRegistry, debug: bool) -> str:
    """Run one section as a program of its own; return why it failed, or ''."""
    import atexit

    main = type(sys)("__main__")
    main.__dict__.update(__builtins__=__builtins__, configRegistry=registry, baseConfig=registry)
    sys.modules["__main__"] = main
    sys.argv = [""]
    try:
        if "univention" in section.source:
            import univention.config_registry

            main.__dict__["univention"] = univention
        exec(compiled(section), main.__dict__)  # noqa: S102 - this is what templates are for
        atexit._run_exitfuncs()
    except SystemExit as end:
        if end.code in (None, 0):
            return ""
        return f"code in line {section.line} exited with status {end.code}"
    except BaseException as why:
        if debug:
            import traceback

            traceback.print_exc()
        said = why.msg if isinstance(why, SyntaxError) else why
        return f"code in line {_line(why, section)} failed: {type(why).__name__}: {said}".rstrip(": ")
    return ""


def _line(why: BaseException, section: Section) -> int:
    """Return the line of the template where the code stood when it failed."""
    line = section.line
    if isinstance(why, SyntaxError) and why.filename == section.template and why.lineno:
        line = why.lineno
    trace = why.__traceback__
    while trace:
        if trace.tb_frame.f_code.co_filename == section.template:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def compiled(section: Section) -> Any:
    """Compile a section so that its lines are numbered as in the template.

    A `@%@name@%@` inside the code is data, whatever the value is: within a string it becomes part of that string,
    elsewhere it must be a number, a quoted string or another literal. (UCR pastes it before Python looks at the
    code, so that a value with a quote in it becomes code that root runs.) Raises ValueError for other values.
    """
    source = "\n" * (section.line - 1) + section.source
    for number, (_, value) in enumerate(section.values):
        if not value or (value.isascii() and value.isdigit()):  # harmless wherever it stands
            source = source.replace(f"{section.mark}{number}_", value)
    if section.mark not in source:
        return compile(source, section.template, "exec", dont_inherit=True)
    import ast

    tree = ast.parse(source, section.template)
    _settle(tree, section)
    return compile(ast.fix_missing_locations(tree), section.template, "exec", dont_inherit=True)


def _settle(node: ast.AST, section: Section) -> None:
    """Put values in place of marks in all that is below *node*."""
    import ast

    for name, child in ast.iter_fields(node):
        children = child if isinstance(child, list) else [child]
        settled = [_data(item, section) for item in children]
        for before, after in zip(children, settled, strict=True):
            if before is after and isinstance(after, ast.AST):
                _settle(after, section)
        setattr(node, name, settled if isinstance(child, list) else settled[0])


def _data(node: Any, section: Section) -> Any:
    """Return the syntax node *node* with values in place of marks."""
    import ast

    if isinstance(node, ast.Constant):
        if isinstance(node.value, str) and section.mark in node.value:
            return ast.copy_location(ast.Constant(fill(node.value, section.mark, section.values)), node)
        if isinstance(node.value, bytes) and section.mark.encode() in node.value:
            text = fill(node.value.decode("latin-1"), section.mark, section.values)
            return ast.copy_location(ast.Constant(text.encode("utf-8", "surrogateescape")), node)
    elif isinstance(node, ast.Name) and section.mark in node.id:
        return _literal(node, section)
    elif isinstance(node, str) and section.mark in node:
        raise ValueError("a variable stands where Python wants a name; use configRegistry.get() there")
    return node


def _literal(node: ast.Name, section: Section) -> ast.expr:
    import ast

    text = fill(node.id, section.mark, section.values)
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        numbers = [word.partition("_")[0] for word in node.id.split(section.mark)[1:]]
        name = section.values[int(numbers[0])][0]
        raise ValueError(f"the value of {name} would be code; use configRegistry.get() there") from None
    return ast.parse(repr(value), mode="eval").body
