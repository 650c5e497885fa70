"""tree: what the lint programs share: the files of the repository and a way to report."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SKIP = 77


def files(*suffixes):
    """Tracked and new (not ignored) files, as paths relative to ROOT; all, or by suffix."""
    listing = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others",
         "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True).stdout.decode()
    names = [pathlib.Path(name) for name in listing.split("\0") if name]
    return sorted(name for name in set(names)
                  if (ROOT / name).is_file() and (not suffixes or name.suffix in suffixes))


def text(name):
    return (ROOT / name).read_text(encoding="utf-8", errors="replace")


def code_lines(name):
    """(number, line) of a C file without comments and without what stands in strings."""
    def blank(match):
        found = match.group(0)
        return '""' if found[0] == '"' else "\n" * found.count("\n")

    stripped = re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', blank, text(name), flags=re.S)
    return list(enumerate(stripped.split("\n"), 1))


def scripts():
    """Shell scripts by their first line, and the files they read in."""
    found = []
    for name in files():
        with open(ROOT / name, "rb") as file:
            first = file.readline(80)
        if re.match(rb"#!.*\b(ba)?sh\b|# shellcheck shell=", first):
            found.append(name)
    return found


def finish(problems):
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIP)
