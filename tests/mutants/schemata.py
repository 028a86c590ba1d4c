# SPDX-License-Identifier: MIT
"""Writes headers in which every mutant is a choice at run time: (on(17) ? (a <= b) : (a < b)), so that one build holds them all.

Places are taken from clang's syntax tree (libclang of clang 16), so that comments, texts, types and what is evaluated while
compiling stay as they are. In the branch of a mutant stands the code as it was; the other branch may hold further mutants.
"""

import dataclasses
import pathlib
import re
import sys
from collections.abc import Callable

sys.path.append("/usr/lib/python3/dist-packages")  # where Debian's python3-clang-16 is, which other Pythons can read too
from clang import cindex  # noqa: E402
from clang.cindex import CursorKind as K, TypeKind  # noqa: E402

for kind in (153, 154, 155, 604):  # of concepts, requirements and parentheses, which the bindings of clang 16 leave out
    if kind >= len(K._kinds) or K._kinds[kind] is None:
        K(kind)
NOT_RUN = [K.from_id(153), K.from_id(154)]

SUPPORT = """#pragma once
// Which mutant is on (CHG_MUTANT), and which ones were reached (written to CHG_MUTANTS_REACHED).
#include <atomic>
#include <cstdio>
#include <cstdlib>
namespace chg_mutants {
inline int const chosen = [] { auto const* const n = std::getenv("CHG_MUTANT"); return n == nullptr ? 0 : std::atoi(n); }();
struct Reached {
  std::atomic<bool> mutant[1 << 14] = {};
  ~Reached() {
    auto const* const path = std::getenv("CHG_MUTANTS_REACHED");
    if (auto* const file = path == nullptr ? nullptr : std::fopen(path, "w")) {
      for (int i = 0; i < 1 << 14; ++i) if (mutant[i]) std::fprintf(file, "%d\\n", i);
      std::fclose(file);
    }
  }
};
inline Reached reached;
inline bool on(int mutant) {
  if (!reached.mutant[mutant].load(std::memory_order_relaxed)) reached.mutant[mutant].store(true, std::memory_order_relaxed);
  return chosen == mutant;
}
}  // namespace chg_mutants
"""

RELATIONS = {"<": ["<="], "<=": ["<"], ">": [">="], ">=": [">"], "==": ["!="], "!=": ["=="], "&&": ["||"], "||": ["&&"],
             "+": ["-"], "-": ["+"], "*": ["/"], "/": ["*"], "%": ["/"]}
ASSIGNMENTS = {"+=": "-=", "-=": "+=", "*=": "/=", "/=": "*="}
FUNCTIONS = {K.FUNCTION_DECL, K.CXX_METHOD, K.CONSTRUCTOR, K.DESTRUCTOR, K.FUNCTION_TEMPLATE, K.CONVERSION_FUNCTION}
NUMBERS = {TypeKind.BOOL, TypeKind.CHAR_S, TypeKind.CHAR_U, TypeKind.UCHAR, TypeKind.SCHAR, TypeKind.USHORT, TypeKind.SHORT,
           TypeKind.UINT, TypeKind.INT, TypeKind.ULONG, TypeKind.LONG, TypeKind.ULONGLONG, TypeKind.LONGLONG, TypeKind.FLOAT,
           TypeKind.DOUBLE, TypeKind.POINTER, TypeKind.DEPENDENT}
STATEMENTS = {K.CALL_EXPR, K.BINARY_OPERATOR, K.COMPOUND_ASSIGNMENT_OPERATOR, K.UNARY_OPERATOR, K.CXX_THROW_EXPR, K.BREAK_STMT,
              K.CONTINUE_STMT}
WRAPPERS = {K.UNEXPOSED_EXPR, K.PAREN_EXPR}


@dataclasses.dataclass
class Mutant:
    """A change of the bytes start ... end of a header. id is its number in a build, 0 until it has one."""

    file: str
    start: int
    end: int
    what: str  # "< to <=", "without the statement", ...
    code: str  # what stands there instead; of a statement, a condition under which it stands
    is_statement: bool
    line: int
    text: str  # of the line
    id: int = 0
    nth: int = 1  # of equal changes in the line


class Header:
    def __init__(self, root: pathlib.Path, name: str):
        self.root, self.name = root, name
        self.bytes = (root / name).read_bytes()
        self.mutants: list[Mutant] = []
        self.places: list[tuple[int, int, int]] = []  # of each mutant in what write() wrote: line, from and to in bytes of the file

    def add(self, start: int, end: int, what: str, code: str, is_statement: bool = False) -> None:
        begin = self.bytes.rfind(b"\n", 0, start) + 1
        text = self.bytes[begin:self.bytes.find(b"\n", start)].decode().strip()
        line = self.bytes.count(b"\n", 0, start) + 1
        if any((m.start, m.end, m.code) == (start, end, code) for m in self.mutants):
            return  # a template's code may be visited twice
        nth = 1 + sum(m.line == line and m.what == what for m in self.mutants)
        self.mutants.append(Mutant(self.name, start, end, what, code, is_statement, line, text, nth=nth))

    def source(self, start: int, end: int) -> str:
        return self.bytes[start:end].decode()

    def write(self, to: pathlib.Path, chosen: list[Mutant]) -> None:
        """The header with these mutants, and their places in it."""
        self.places = []
        out = bytearray()
        first = self.bytes.index(b"#pragma once") + len(b"#pragma once")
        out += self.bytes[:first] + b"\n#include <chg_mutants.hpp>"
        of_range: dict[tuple[int, int, bool], list[Mutant]] = {}
        for m in chosen:
            of_range.setdefault((m.start, m.end, m.is_statement), []).append(m)
        ranges = sorted(of_range, key=lambda r: (r[0], -r[1], not r[2]))
        self.render(out, first, len(self.bytes), ranges, of_range)
        (to / self.name).parent.mkdir(parents=True, exist_ok=True)
        (to / self.name).write_bytes(out)

    def render(self, out: bytearray, start: int, end: int, ranges: list, of_range: dict) -> None:
        while ranges and ranges[0][0] < end:
            outer = ranges.pop(0)
            out += self.bytes[start:outer[0]]
            start = outer[1]
            begin = len(out)
            within = []
            while ranges and ranges[0][1] <= outer[1] and outer[0] < outer[1]:
                within.append(ranges.pop(0))
            mutants = of_range[outer]
            if outer[0] == outer[1]:
                out += b" if (chg_mutants::on(%d)) return; " % mutants[0].id
            elif outer[2]:
                out += b"{ if (" + b" && ".join(b"!chg_mutants::on(%d)" % m.id for m in mutants) + b") "
                self.render(out, outer[0], outer[1], within, of_range)
                out += b" }"
            else:
                out += b"("
                for m in mutants:
                    out += b"chg_mutants::on(%d) ? (%s) : " % (m.id, m.code.encode())
                out += b"("
                self.render(out, outer[0], outer[1], within, of_range)
                out += b"))"
            self.places += [(begin, len(out), m.id) for m in mutants]
        out += self.bytes[start:end]

    def mutants_at(self, written: bytes, line: int, column: int) -> list[int]:
        """The innermost mutants around a place of the written header (line and column from 1)."""
        lines = written.split(b"\n")
        offset = sum(len(text) + 1 for text in lines[:line - 1]) + column - 1
        around = sorted((end - begin, id) for begin, end, id in self.places if begin <= offset < end)
        return [id for size, id in around if size == around[0][0]]


class Finder:
    """Walks the syntax tree of one header."""

    def __init__(self, header: Header):
        self.header = header

    def span(self, cursor: cindex.Cursor) -> tuple[int, int]:
        return cursor.extent.start.offset, cursor.extent.end.offset

    def source(self, cursor: cindex.Cursor) -> str:
        return self.header.source(*self.span(cursor))

    def declarations(self, cursor: cindex.Cursor) -> None:
        for child in cursor.get_children():
            file = child.location.file
            if file is None or pathlib.Path(file.name).resolve() != (self.header.root / self.header.name).resolve():
                continue
            if child.kind in FUNCTIONS:
                self.function(child)
            elif child.kind == K.FIELD_DECL:
                self.variable(child)
            elif child.kind in (K.NAMESPACE, K.CLASS_DECL, K.STRUCT_DECL, K.CLASS_TEMPLATE,
                                K.CLASS_TEMPLATE_PARTIAL_SPECIALIZATION, K.LINKAGE_SPEC, K.UNEXPOSED_DECL):
                self.declarations(child)

    def function(self, cursor: cindex.Cursor) -> None:
        bodies = [child for child in cursor.get_children() if child.kind == K.COMPOUND_STMT]
        if not bodies:
            return
        body = bodies[-1]
        before = self.header.source(cursor.extent.start.offset, body.extent.start.offset)
        if re.search(r"\b(constexpr|consteval)\b", before):
            return
        for child in cursor.get_children():  # initialisers of members
            if child.kind not in (K.PARM_DECL, K.COMPOUND_STMT) and child.kind.is_expression():
                self.expression(child)
        self.statement(body)
        if cursor.result_type.kind == TypeKind.VOID and len(list(body.get_children())) > 1:
            start = body.extent.start.offset + 1
            self.header.add(start, start, "return at once", "", is_statement=True)

    def variable(self, cursor: cindex.Cursor) -> None:
        """The initialiser, which follows the name; an array's bounds come before the sign."""
        text = self.source(cursor)
        if re.match(r"[^=({]*\bconstexpr\b", text):
            return
        name = cursor.location.offset
        sign = re.search(r"[={(]", self.header.source(name, cursor.extent.end.offset))
        for child in cursor.get_children():
            if sign and child.kind.is_expression() and child.extent.start.offset >= name:
                if child.extent.start.offset >= name + sign.start():
                    self.expression(child)

    def statement(self, cursor: cindex.Cursor) -> None:
        kind, children = cursor.kind, list(cursor.get_children())
        if kind == K.COMPOUND_STMT:
            for child in children:
                self.removable(child)
                self.statement(child)
        elif kind == K.IF_STMT:
            self.branch(cursor, children)
        elif kind == K.DECL_STMT:
            for child in children:
                if child.kind == K.VAR_DECL:
                    self.variable(child)
        elif kind in (K.CASE_STMT, K.DEFAULT_STMT):
            if children:
                self.removable(children[-1])
                self.statement(children[-1])
        elif kind == K.CXX_FOR_RANGE_STMT:
            for child in children:
                if child.kind.is_expression():
                    self.expression(child)
            if children:
                self.removable(children[-1])
                self.statement(children[-1])
        elif kind in (K.FOR_STMT, K.WHILE_STMT, K.DO_STMT, K.SWITCH_STMT, K.CXX_TRY_STMT, K.CXX_CATCH_STMT):
            for child in children:
                if child == children[-1] and kind in (K.FOR_STMT, K.WHILE_STMT):
                    self.removable(child)
                self.statement(child)
        elif kind == K.RETURN_STMT:
            for child in children:
                self.expression(child)
        elif kind.is_expression():
            self.expression(cursor)

    def branch(self, cursor: cindex.Cursor, children: list) -> None:
        condition = children[0]
        before = self.header.source(cursor.extent.start.offset, condition.extent.start.offset)
        if "constexpr" in before:
            children = children[1:]
        elif condition.kind.is_expression() and re.fullmatch(r"if\s*\(\s*", before) and len(children) <= 3:
            self.condition(condition)
        for child in children:
            if child != condition:
                self.removable(child)
            self.statement(child)

    def condition(self, cursor: cindex.Cursor) -> None:
        source, inner = self.source(cursor), self.inside(cursor)
        negates_itself = inner.kind in (K.BINARY_OPERATOR, K.UNARY_OPERATOR) and (
            self.operator(inner) in ("==", "!=", "<", "<=", ">", ">=") or source.startswith("!"))
        if not negates_itself and "[" not in source:
            self.header.add(*self.span(cursor), "negated", f"!({source})")

    def inside(self, cursor: cindex.Cursor) -> cindex.Cursor:
        while cursor.kind in WRAPPERS:
            children = list(cursor.get_children())
            if len(children) != 1:
                break
            cursor = children[0]
        return cursor

    def removable(self, cursor: cindex.Cursor) -> None:
        start, end = self.span(cursor)
        if self.inside(cursor).kind not in STATEMENTS:
            return
        semicolon = re.match(rb"\s*;", self.header.bytes[end:end + 40])
        if semicolon:
            self.header.add(start, end + semicolon.end(), "without the statement", "", is_statement=True)

    def operator(self, cursor: cindex.Cursor) -> str:
        children = list(cursor.get_children())
        if len(children) != 2:
            return ""
        return self.header.source(children[0].extent.end.offset, children[1].extent.start.offset).strip()

    def expression(self, cursor: cindex.Cursor) -> None:
        kind, children = cursor.kind, list(cursor.get_children())
        start, end = self.span(cursor)
        if end <= start:
            return
        source = self.source(cursor)
        if kind == K.LAMBDA_EXPR:
            for child in children:
                if child.kind == K.COMPOUND_STMT:
                    self.statement(child)
            return
        holds_code = "[&" in source or "[=" in source or "](" in source
        if kind in (K.BINARY_OPERATOR, K.COMPOUND_ASSIGNMENT_OPERATOR) and len(children) == 2 and not holds_code:
            self.binary(cursor, children)
        elif kind == K.UNARY_OPERATOR and not holds_code and source[0] in "-!":
            operand = source[1:].lstrip()
            self.header.add(start, end, f"without {source[0]}", operand if source[0] == "-" else f"!!({operand})")
        elif kind == K.INTEGER_LITERAL and re.fullmatch(r"[\d'a-fA-FxXuUlL]+", source):
            self.header.add(start, end, f"{source} to {source} + 1", f"{source} + 1")
            if not re.fullmatch(r"0[uUlLxX0]*", source):
                self.header.add(start, end, f"{source} to {source} - 1", f"{source} - 1")
        elif kind == K.FLOATING_LITERAL:
            self.header.add(start, end, f"{source} to {source} + 1", f"{source} + 1")
        elif kind == K.CXX_BOOL_LITERAL_EXPR:
            self.header.add(start, end, f"not {source}", f"!{source}")
        elif kind == K.CONDITIONAL_OPERATOR and len(children) == 3:
            self.condition(children[0])
        elif kind == K.CALL_EXPR:
            self.call(cursor, children, holds_code)
        if kind == K.MEMBER_REF_EXPR:
            children = [child for child in children if child.extent.end.offset <= cursor.location.offset]
        elif kind in (K.CXX_STATIC_CAST_EXPR, K.CXX_CONST_CAST_EXPR, K.CXX_REINTERPRET_CAST_EXPR, K.CXX_FUNCTIONAL_CAST_EXPR,
                      K.CSTYLE_CAST_EXPR):
            children = children[-1:]
        elif kind in (K.DECL_REF_EXPR, K.SIZE_OF_PACK_EXPR, K.CXX_UNARY_EXPR, *NOT_RUN):
            children = []
        for child in children:
            if child.kind.is_expression():
                self.expression(child)

    def binary(self, cursor: cindex.Cursor, children: list) -> None:
        (left, right), operator = (self.source(child) for child in children), self.operator(cursor)
        if operator in ASSIGNMENTS:
            self.header.add(*self.span(cursor), f"{operator} to {ASSIGNMENTS[operator]}", f"{left} {ASSIGNMENTS[operator]} {right}")
        if cursor.type.get_canonical().kind in NUMBERS | {TypeKind.UNEXPOSED}:
            for other in RELATIONS.get(operator, []):
                self.header.add(*self.span(cursor), f"{operator} to {other}", f"{left} {other} {right}")

    def call(self, cursor: cindex.Cursor, children: list, holds_code: bool) -> None:
        start, end = self.span(cursor)
        name = re.fullmatch(r"operator(==|!=|<=|>=|<|>)", cursor.spelling)
        arguments = list(cursor.get_arguments())
        if holds_code:
            return
        if name and len(arguments) == 2:  # of a class: texts, paths, ...
            left, right = arguments
            if self.header.source(left.extent.end.offset, right.extent.start.offset).strip() == name[1]:
                for other in RELATIONS[name[1]]:
                    self.header.add(start, end, f"{name[1]} to {other}", f"{self.source(left)} {other} {self.source(right)}")
            return
        if not children or children[0].extent.start.offset != start or cursor.spelling.startswith("operator"):
            return
        called = cursor.referenced
        if called is not None and called.kind == K.CONSTRUCTOR:
            return
        for one, two in zip(arguments, arguments[1:]):
            if one.kind == K.INVALID_FILE or two.extent.start.offset <= one.extent.end.offset:
                continue
            types = [re.sub(r"\bconst\b|&", "", a.type.get_canonical().spelling).strip() for a in (one, two)]
            texts = [self.source(one), self.source(two)]
            if types[0] == types[1] and types[0] and "dependent" not in types[0] and texts[0] != texts[1]:
                a, b = self.span(one), self.span(two)
                swapped = (self.header.source(start, a[0]) + texts[1] + self.header.source(a[1], b[0]) + texts[0] +
                           self.header.source(b[1], end))
                self.header.add(start, end, f"{texts[0]} and {texts[1]} swapped", swapped)
                break


def find(root: pathlib.Path, names: list[str], flags: list[str]) -> list[Header]:
    """All mutants of these headers of root/include."""
    include = root / "include"
    source = "".join(f"#include <{name}>\n" for name in names)
    index = cindex.Index.create()
    unit = index.parse("all.cpp", [*flags, f"-I{include}"], unsaved_files=[("all.cpp", source)])
    errors = [str(d) for d in unit.diagnostics if d.severity >= cindex.Diagnostic.Error]
    if errors:
        sys.exit("mutants: clang does not read the headers: " + "; ".join(errors[:3]))
    headers = []
    for name in names:
        header = Header(include, name)
        Finder(header).declarations(unit.cursor)
        headers.append(header)
    return headers
