"""The picture of the rooms in docs/architecture.md, as the checks read it.

It stands in a fenced block named `rooms`. A line `A → B C` says which of our targets A imports, all of them. A line
`A: Rooms ← Rooms ← Rooms` names the folders of A; one may name what stands left of it. Rooms between two arrows know
nothing of each other, unless they stand in parentheses.
"""

import re
from dataclasses import dataclass, field

PLACE = "docs/architecture.md"


@dataclass
class Picture:
    imports: dict = field(default_factory=dict)  # target: the targets it imports
    layers: dict = field(default_factory=dict)  # target: {room: rooms that it may name}
    problems: list = field(default_factory=list)  # line, text


def picture_in(text):
    """The picture of a page; None where there is none."""
    match = re.search(r"^```rooms\n(.*?)^```", text, re.M | re.S)
    if not match:
        return None
    picture = Picture()
    first = text.count("\n", 0, match.start(1)) + 1
    for number, line in enumerate(match.group(1).splitlines(), first):
        line = line.strip()
        if not line:
            continue
        if "→" in line:
            target, _, others = line.partition("→")
            picture.imports[target.strip()] = set(others.split())
        elif ":" in line:
            target, _, flow = line.partition(":")
            picture.layers[target.strip()] = layers_of(flow)
        else:
            picture.problems.append((number, "neither `A → B` nor `A: Room ← Room`"))
    return picture


def layers_of(flow):
    """Each room of a flow, and the rooms that it may name."""
    layers = {}
    before = []
    for stage in flow.split("←"):
        free = stage.strip().startswith("(")
        rooms = stage.replace("(", " ").replace(")", " ").split()
        for room in rooms:
            layers[room] = before + [other for other in rooms if free and other != room]
        before = before + rooms
    return layers
