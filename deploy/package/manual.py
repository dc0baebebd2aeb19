"""Writes the command's manual pages, out of what it says of itself.

    manual.py BINARY FOLDER
"""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path


def text(words):
    """A text of troff's, in which nothing is a request or an escape (groff_char(7))."""
    words = words.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    return "\n".join("\\&" + line if line.startswith(".") else line for line in words.splitlines())


def spelled(argument):
    """An option's names and its value: `-h, --help`, `--scan ID`."""
    value = f"\\fI{text(argument['valueName'])}\\fR"
    if argument["kind"] == "positional":
        return value
    dashes = {"short": "-", "long": "--", "longWithSingleDash": "-"}
    names = ", ".join(f"\\fB{text(dashes[n['kind']] + n['name'])}\\fR" for n in argument["names"])
    return names if argument["kind"] == "flag" else f"{names} {value}"


def described(argument):
    words = argument.get("abstract", "")
    if argument.get("allValues"):
        words += f" One of {', '.join(argument['allValues'])}."
    default = argument.get("defaultValue")
    if default and "Default:" not in words:
        words += f" Default: {default}."
    return text(words.strip())


def synopsis(names, command):
    """The usage in one line: what has to be there as it is, what may be in brackets."""
    parts = [f"\\fB{text(' '.join(names))}\\fR"]
    for argument in command["arguments"]:
        name = argument.get("preferredName", {}).get("name")
        if not argument["shouldDisplay"] or name in ("help", "version"):
            continue
        part = spelled({**argument, "names": [argument["preferredName"]]} if name else argument)
        part += " ..." if argument["isRepeating"] else ""
        parts.append(f"[{part}]" if argument["isOptional"] else part)
    if command.get("subcommands"):
        parts.append("\\fIcommand\\fR ...")
    return " ".join(parts)


def page(names, command, version, date):
    title = "-".join(names)
    lines = [f'.TH "{text(title.upper())}" 1 "{date}" "Sluice {version}" "User Commands"', ".SH NAME",
             f"{text(title)} \\- {text(command['abstract'].rstrip('.'))}", ".SH SYNOPSIS", synopsis(names, command)]
    if command.get("discussion"):
        lines.append(".SH DESCRIPTION")
        for paragraph in re.split(r"\n\s*\n", command["discussion"]):
            lines += [".PP", text(paragraph)]
    shown = [argument for argument in command["arguments"] if argument["shouldDisplay"]]
    if shown:
        lines.append(".SH OPTIONS")
        for argument in shown:
            lines += [".TP", spelled(argument), described(argument) or "\\&"]
    subcommands = [s for s in command.get("subcommands", []) if s["shouldDisplay"] and s["commandName"] != "help"]
    if subcommands:
        lines.append(".SH COMMANDS")
        for sub in subcommands:
            lines += [".TP", f"\\fB{text('-'.join([*names, sub['commandName']]))}\\fR(1)", text(sub["abstract"])]
    lines.append(".SH SEE ALSO")
    lines.append("\\fBsluice\\fR(1); the guides under /usr/share/doc/sluice")
    yield title, "\n".join(lines) + "\n"
    for sub in subcommands:
        yield from page([*names, sub["commandName"]], sub, version, date)


def main():
    binary, folder = sys.argv[1], Path(sys.argv[2])
    told = json.loads(subprocess.check_output([binary, "--experimental-dump-help"]))
    assert told["serializationVersion"] == 0, "the command tells of itself in another form"
    version = subprocess.check_output([binary, "--version"], text=True).strip()
    date = time.strftime("%Y-%m-%d", time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", "0")) or None))
    folder.mkdir(parents=True, exist_ok=True)
    for title, words in page([told["command"]["commandName"]], told["command"], version, date):
        (folder / f"{title}.1").write_text(words, encoding="utf-8")


main()
