"""Just enough of Swift's grammar for house rules: code without comments and strings, and what the braces enclose."""

import re
from dataclasses import dataclass

TYPE_KEYWORDS = {"struct", "class", "enum", "actor", "protocol", "extension"}
DECLARATION = re.compile(
    r"(?<![.\w`])(struct|class|enum|actor|protocol|extension|func|init|deinit|subscript|var|let|case|macro)(?![\w`:])"
)
IMPORT = re.compile(
    r"^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:(?:public|package|internal|fileprivate|private)\s+)?"
    r"import\s+(?:(?:struct|class|enum|protocol|func|var|let|typealias)\s+)?(\w+)"
)
PRIVATE = re.compile(r"\b(private|fileprivate)\b(?!\s*\(set\))")
EXCUSE = re.compile(r"//\s*tidy: long, because \S+")


@dataclass
class TypeDeclaration:
    name: str
    line: int
    last_line: int
    is_private: bool


@dataclass
class Member:
    name: str
    line: int
    last_line: int
    excused: bool


@dataclass
class Block:
    kind: str  # "type", "member" or "inner"
    keyword: str
    name: str
    line: int
    is_private: bool
    is_top_level: bool
    last_line: int = 0


def blank(text):
    """The same text with comments and the contents of strings turned into spaces, line for line.

    What stands in an interpolation is code and stays. Returns the code, and the set of lines with a comment.
    """
    out = list(text)
    commented = set()
    line = 1
    index = 0
    # Each entry is the string that an interpolation interrupts: its delimiter, its pounds, open parentheses.
    interrupted = []

    def wipe(start, end):
        for at in range(start, end):
            if out[at] != "\n":
                out[at] = " "

    def skip_string(start, quote, pounds):
        """Wipes from `start` on to the end of the string or the start of an interpolation; says which."""
        at = start
        escape = "\\" + "#" * pounds
        closing = quote + "#" * pounds
        while at < len(text):
            if text.startswith(escape + "(", at):
                wipe(start, at + len(escape) + 1)
                return at + len(escape) + 1, True
            if text.startswith(escape, at) and pounds == 0:
                at += 2
                continue
            if text.startswith(closing, at):
                wipe(start, at + len(closing))
                return at + len(closing), False
            if text[at] == "\n" and len(quote) == 1:
                break
            at += 1
        wipe(start, at)
        return at, False

    while index < len(text):
        if text.startswith("//", index):
            end = text.find("\n", index)
            end = len(text) if end < 0 else end
            commented.add(text.count("\n", 0, index) + 1)
            wipe(index, end)
            index = end
        elif text.startswith("/*", index):
            depth, end = 1, index + 2
            while end < len(text) and depth:
                if text.startswith("/*", end):
                    depth, end = depth + 1, end + 2
                elif text.startswith("*/", end):
                    depth, end = depth - 1, end + 2
                else:
                    end += 1
            first = text.count("\n", 0, index) + 1
            commented.update(range(first, first + text.count("\n", index, end) + 1))
            wipe(index, end)
            index = end
        elif text[index] == '"' or (text[index] == "#" and re.match(r'#+"', text[index:])):
            pounds = len(re.match(r"#*", text[index:]).group())
            start = index + pounds
            quote = '"""' if text.startswith('"""', start) else '"'
            wipe(index, start + len(quote))
            index, interpolates = skip_string(start + len(quote), quote, pounds)
            if interpolates:
                interrupted.append([quote, pounds, 1])
        elif interrupted and text[index] in "()":
            interrupted[-1][2] += 1 if text[index] == "(" else -1
            if interrupted[-1][2] == 0:
                quote, pounds, _ = interrupted.pop()
                out[index] = " "
                index, interpolates = skip_string(index + 1, quote, pounds)
                if interpolates:
                    interrupted.append([quote, pounds, 1])
            else:
                index += 1
        else:
            index += 1
    return "".join(out), commented


class SwiftFile:
    """One Swift file: its blocks, its declarations and its words."""

    def __init__(self, text):
        self.text = text
        self.code, self.commented = blank(text)
        self._lines = None
        self._blocks = None
        self._starts = [0] + [match.end() for match in re.finditer("\n", text)]

    def line_of(self, offset):
        low, high = 0, len(self._starts)
        while low + 1 < high:
            middle = (low + high) // 2
            if self._starts[middle] <= offset:
                low = middle
            else:
                high = middle
        return low + 1

    def code_lines(self):
        if self._lines is None:
            self._lines = self.code.split("\n")
        return self._lines

    def blocks(self):
        """Every pair of braces, with what stands before the opening one."""
        if self._blocks is None:
            self._blocks = list(self._find_blocks())
        return self._blocks

    def _find_blocks(self):
        stack = []
        head = 0  # Where the text of the declaration at hand may begin: after the last brace of this level.
        for offset, character in enumerate(self.code):
            if character in "([":
                stack.append((character, None, head))
            elif character in ")]":
                if stack and stack[-1][0] in "([":
                    stack.pop()
            elif character == "{":
                block = self._block_at(offset, head, stack)
                stack.append(("{", block, head))
                head = offset + 1
            elif character == "}":
                while stack and stack[-1][0] != "{":
                    stack.pop()
                if stack:
                    _, block, head = stack.pop()
                    block.last_line = self.line_of(offset)
                    yield block
                # A closure among the parameters does not end the declaration that they belong to.
                if not stack or stack[-1][0] == "{":
                    head = offset + 1

    def _block_at(self, offset, head, stack):
        enclosing = [block for bracket, block, _ in stack if bracket == "{"]
        bracketed = bool(stack) and stack[-1][0] != "{"
        inside_code = bool(enclosing) and enclosing[-1].kind != "type"
        match = self._declaration_before(offset, head)
        keyword = match.group(1) if match else ""
        line = self.line_of(match.start()) if match else self.line_of(offset)
        name = self._name_after(match, keyword) if match else "block"
        modifiers = self._modifiers_before(match) if match else ""
        is_type = keyword in TYPE_KEYWORDS and not bracketed
        kind = "type" if is_type else ("inner" if inside_code or bracketed else "member")
        return Block(kind, keyword, name, line, bool(PRIVATE.search(modifiers)), not enclosing)

    def _declaration_before(self, offset, head):
        """The last declaring keyword before a brace that is not inside parentheses."""
        text, depth, found = self.code[head:offset], 0, None
        keywords = {match.start(): match for match in DECLARATION.finditer(self.code, head, offset)}
        for at, character in enumerate(text, head):
            if character in "([":
                depth += 1
            elif character in ")]":
                depth -= 1
            elif depth == 0 and at in keywords:
                # `class func` is a function; `case` and the like belong to code, which nobody counts.
                found = keywords[at]
        return found

    def _name_after(self, match, keyword):
        following = re.match(r"\s*([\w.`]+)", self.code[match.end():])
        return following.group(1).strip("`") if following and keyword not in ("init", "deinit", "subscript") else keyword

    def _modifiers_before(self, match):
        start = max(self.code.rfind(mark, 0, match.start()) for mark in ("\n", ";", "{", "}")) + 1
        return self.code[start:match.start()]

    def top_level_types(self):
        return [
            TypeDeclaration(block.name, block.line, block.last_line, block.is_private)
            for block in sorted(self.blocks(), key=lambda block: block.line)
            if block.kind == "type" and block.keyword != "extension" and block.is_top_level
        ]

    def declared_names(self):
        """The types that this file declares at any depth, and its generic parameters are not among them."""
        names = {block.name for block in self.blocks() if block.kind == "type" and block.keyword != "extension"}
        return names | set(re.findall(r"\b(?:typealias|associatedtype)\s+(\w+)", self.code))

    def members(self):
        """Functions, initialisers and computed properties of types, and free functions."""
        found = []
        for block in self.blocks():
            if block.kind == "member" and block.keyword:
                above = self.text.split("\n")[max(0, block.line - 12):block.line]
                excused = any(EXCUSE.search(line) for line in above)
                found.append(Member(block.name, block.line, block.last_line, excused))
        return found

    def type_words(self):
        """Capitalised words of the code that are not members of something: line and word."""
        for match in re.finditer(r"(?<![.\w])[A-Z]\w*", self.code):
            yield self.line_of(match.start()), match.group()

    def has_comment_at_or_above(self, line):
        if line in self.commented:
            return True
        above = line - 1
        lines = self.code_lines()
        # Attributes and the declaration's own first lines may stand between the comment and the claim.
        while above >= 1 and lines[above - 1].strip().startswith("@"):
            above -= 1
        return above in self.commented and not lines[above - 1].strip()


def imports_of(source):
    """The modules that a file imports, each with its line."""
    for number, line in enumerate(source.code_lines(), 1):
        match = IMPORT.match(line)
        if match:
            yield number, match.group(1)


def manifest_targets(text):
    """Each target's dependencies as the manifest declares them, products and targets alike."""
    targets = {}
    starts = list(re.finditer(r"\.(?:target|executableTarget|testTarget|systemLibrary)\(\s*name:\s*\"([\w-]+)\"", text))
    for position, match in enumerate(starts):
        end = starts[position + 1].start() if position + 1 < len(starts) else len(text)
        body = text[match.end():end]
        listed = re.search(r"dependencies:\s*\[(.*?)\n?\s*\]\s*[,)]", body, re.S)
        names = set()
        if listed:
            products = re.findall(r"\.(?:product|target|byName)\(name:\s*\"([\w-]+)\"", listed.group(1))
            plain = re.sub(r"\.\w+\([^)]*\)", "", listed.group(1))
            names = set(products) | set(re.findall(r"\"([\w-]+)\"", plain))
        targets[match.group(1)] = {name.replace("-", "_") for name in names}
    return targets
