"""Texts as people read them: kubectl wraps nothing, so a message is one line and not too long a one."""

_LIMIT = 160


def sentence(text: str) -> str:
    """On one line, with a full stop; for what AWS says."""
    line = " ".join(text.split())
    return line if not line or line.endswith(".") else f"{line}."


def aws_says(text: str) -> str:
    """AWS's own words, marked as such; empty when it has none."""
    return f"AWS says: {sentence(text)}" if text.strip() else ""


def condition_message(text: str) -> str:
    """At most 160 characters, cut between words; `status.failure` has the text in full."""
    line = " ".join(text.split())
    if len(line) <= _LIMIT:
        return line
    kept = line[: _LIMIT - 1]
    return f"{kept[: kept.rfind(' ')] if ' ' in kept else kept}…"
