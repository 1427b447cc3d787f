"""``/api/fenghuo/notify``: what a receiver's channels would say, and messages of trial."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from fenghuo.alerting.notify.tryout import Trial, TryOut, Wanted
from fenghuo.api.audit.middleware import note_of
from fenghuo.api.own.errors import ErrorAnswer
from fenghuo.model.language import Language

LABELS_MAX = 1_000
"""Labels of one message of trial."""


class TrialRequest(BaseModel):
    """``labels`` are laid over those of the message of trial."""

    receiver: Annotated[str, Field(min_length=1, max_length=1024)]
    labels: Annotated[dict[str, str], Field(max_length=LABELS_MAX)] = {}
    resolved: bool = False
    language: Language | None = None
    """None: that of the configuration."""

    def wanted(self) -> Wanted:
        return Wanted(self.receiver, self.labels, self.resolved, self.language)


class TrialView(BaseModel):
    """``error`` is empty when it went well; ``said`` is what would be sent, with secrets masked, for previews."""

    channel: str
    index: int
    error: str
    remark: str
    said: list[str]


def notify_router(tryout: TryOut) -> APIRouter:
    """Both are for operators: a preview reads files that settings name, a trial reaches people."""
    router = APIRouter(prefix="/notify", tags=["notify"], responses={400: {"model": ErrorAnswer}})

    @router.post("/preview", operation_id="previewNotice")
    async def preview(wanted: TrialRequest) -> list[TrialView]:
        """What every channel of a receiver would send; nothing is sent."""
        return [_view(each) for each in await tryout.preview(wanted.wanted())]

    @router.post("/test", operation_id="testNotice")
    async def test(wanted: TrialRequest, request: Request) -> list[TrialView]:
        """Send a message of trial through every channel of a receiver."""
        note_of(request).subject = wanted.receiver
        return [_view(each) for each in await tryout.send(wanted.wanted())]

    return router


def _view(trial: Trial) -> TrialView:
    return TrialView(
        channel=trial.channel, index=trial.index, error=trial.error, remark=trial.remark, said=list(trial.said)
    )
