#!/usr/bin/env python3
"""packaging/clipembedd.8 against the program: the same flags, the same defaults, and clean mdoc.

    check_man_page.py PROGRAM
"""

import pathlib
import re
import subprocess
import sys

PAGE = pathlib.Path(__file__).resolve().parents[2] / "packaging/clipembedd.8"


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def settings(program):
    """flag -> default, of the program."""
    table = output(program, "--print-config=markdown").replace("\\|", "/")
    rows = re.findall(r"^\| `--([\w-]+)=[^|]*\| `(\w+)` \| (?:`(.*?)`)? *\|", table, re.MULTILINE)
    return {flag: default for flag, _, default in rows}


def page_defaults():
    """flag -> default, of the page's .It lines."""
    items = re.findall(r"^\.It Fl Fl ([\w-]+) Ns =(.*)$", PAGE.read_text(), re.MULTILINE)
    return {flag: (re.search(r" Bq (.*)$", rest) or [None, ""])[1] for flag, rest in items}


def main():
    program = sys.argv[1]
    problems = []
    lint = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", PAGE], capture_output=True, text=True)
    problems += [line for line in lint.stdout.splitlines() if "outdated mandoc.db" not in line]

    served, written = settings(program), page_defaults()
    if not served:
        problems.append(f"{program} --print-config=markdown has no table that this test understands")
    for flag, default in served.items():
        if flag not in written:
            problems.append(f"--{flag} is missing")
        elif written[flag] != default:
            problems.append(f"--{flag} has the default {default!r}, and the page says {written[flag]!r}")

    flags = set(re.findall(r"^  (?:-\w, )?--([\w-]+)", output(program, "--help"), re.MULTILINE))
    text = PAGE.read_text().replace(" , Fl Fl ", "\n.It Fl Fl ")
    mentioned = set(re.findall(r"^\.It Fl Fl ([\w-]+)", text, re.MULTILINE))
    problems += [f"--{flag} of --help is missing" for flag in sorted(flags - mentioned)]
    problems += [f"--{flag} is none of the program's" for flag in sorted(mentioned - flags)]
    if problems:
        sys.exit("packaging/clipembedd.8:\n  " + "\n  ".join(problems))


if __name__ == "__main__":
    main()
