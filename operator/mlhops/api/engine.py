"""Engines of drift tests: which ones a policy may name, and what one in a pod is told and tells."""

from typing import Final, Literal, TypeAlias

from mlhops.api.alibi import AlibiReport, AlibiSettings

EngineName = Literal["Native", "AlibiDetect"]
PodEngine = Literal["AlibiDetect"]
"""Those that need an image of their own, since their libraries are in the pod."""
POD_ENGINE: Final = "AlibiDetect"
ENGINE_KEY = "alibi"
"""Where a pod's configuration and its report have it; pods of earlier versions know no other name."""
EngineSettings: TypeAlias = AlibiSettings
"""What an engine in a pod is told."""
EngineReport: TypeAlias = AlibiReport
"""What an engine in a pod tells."""
