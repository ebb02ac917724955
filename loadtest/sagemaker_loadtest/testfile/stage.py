"""The list `load.stages` of a test file: steps, ramps and spikes, one after the other."""

from sagemaker_loadtest.api.spec import Stage
from sagemaker_loadtest.testfile.fields import Fields

MOST_RATE = 1_000_000
MOST_USERS = 100_000
_MOST_SECONDS = 7 * 86400.0


def parse_stages(fields: Fields, model: str) -> tuple[Stage, ...]:
    """The stages, if there are any, of a load whose `model` is open (their level is a rate) or closed (users).

    Each has a duration and either the level that it holds or the one that it ramps to, from that of the stage before
    (from 0 at first).
    """
    level, high = ("rate", MOST_RATE) if model == "open" else ("users", MOST_USERS)
    if fields.has("stages") and fields.has("open") == fields.has("closed"):
        fields.fault("stages", "set exactly one of open and closed beside it, for example open: {}")
    stages: list[Stage] = []
    for index, item in enumerate(fields.items("stages")):
        stage = Fields(item, fields.at(f"stages[{index}]"), fields.faults)
        seconds = stage.duration("duration", None, low=0.1, high=_MOST_SECONDS)
        if not stage.has("duration"):
            stage.fault("duration", "is missing; write for example duration: 1m")
        held = stage.number(level, None, low=0.0, high=high)
        target = stage.number("rampTo", None, low=0.0, high=high)
        if stage.has(level) == stage.has("rampTo"):
            stage.fault("", f"set exactly one of {level} (held from its start) and rampTo (reached at its end)")
        before = stages[-1].end if stages else 0.0
        start = before if held is None else held
        stages.append(Stage(seconds or 1.0, start, start if target is None else target))
        stage.finish()
    if stages and not any(stage.start or stage.end for stage in stages):
        fields.fault("stages", "ask for no load at all; raise one of them above 0")
    return tuple(stages)
