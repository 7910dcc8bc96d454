"""Jobs over HTTP: how far work that takes longer than a request has come."""

from typing import Any, Final
from uuid import UUID

import marshmallow as ma
from flask import Response, request
from flask.views import MethodView

from domain.store import jobs
from domain.store.database import Connection
from domain.store.imports.sheets import MOST_ROWS
from domain.store.jobs import KINDS, Job, find_job
from web.answers import answer
from web.auth import current_account
from web.blueprint import Blueprint
from web.body import refuse_unread_query
from web.errors import Problem
from web.messages import say
from web.services import services

NO_STORE = {"Cache-Control": "no-store"}
"""Progress is worth nothing a second later."""

MOST_UNFINISHED: Final = 5
RETRY_AFTER_SECONDS: Final = 30

blueprint = Blueprint("jobs", __name__, url_prefix="/v1", description="Work that takes a while")


class JobAcceptedSchema(ma.Schema):
    """The job to ask about."""

    job_id = ma.fields.UUID(required=True)


class JobErrorSchema(ma.Schema):
    """Why a job failed."""

    code = ma.fields.String(required=True)
    message = ma.fields.String(required=True)


class JobSchema(ma.Schema):
    """A job. `progress` goes from 0 to 1; `result_url` is where its outcome is to be read.

    An import's outcome grows with it; an export's is null until the file is whole.
    """

    id = ma.fields.UUID(required=True)
    kind = ma.fields.String(required=True, metadata={"enum": list(KINDS)})
    status = ma.fields.String(
        required=True, metadata={"enum": ["queued", "running", "done", "failed"]}
    )
    progress = ma.fields.Float(required=True)
    done = ma.fields.Integer(required=True)
    total = ma.fields.Integer(required=True)
    result_url = ma.fields.String(required=True, allow_none=True)
    error = ma.fields.Nested(JobErrorSchema, required=True, allow_none=True)
    created_at = ma.fields.DateTime(required=True)
    updated_at = ma.fields.DateTime(required=True)


@blueprint.route("/jobs/<uuid:job_id>")
class OneJob(MethodView):
    """One job."""

    @blueprint.signed_in
    @blueprint.response(200, JobSchema)
    def get(self, job_id: UUID) -> Response:
        """Show how far a job has come."""
        refuse_unread_query(request)
        ledger_id = current_account().ledger_id
        job = services().database.read(lambda connection: find_job(connection, ledger_id, job_id))
        if job is None:
            raise Problem("job_not_found")
        return answer(show_job(job), headers=NO_STORE)


def show_job(job: Job) -> dict[str, Any]:
    """A job as a client reads it."""
    return {
        "id": job.id,
        "kind": job.kind,
        "status": shown_status(job),
        "progress": job.progress,
        "done": job.total if job.status == "done" else min(job.done, job.total),
        "total": job.total,
        "result_url": f"/v1/{job.kind}s/{job.id}" if _has_result(job) else None,
        "error": None
        if job.error is None
        else {"code": job.error, "message": say(job.error, maximum=MOST_ROWS)},
        "created_at": job.created_at,
        "updated_at": job.updated_at,
    }


def _has_result(job: Job) -> bool:
    return job.kind != "export" or job.status == "done"


def shown_status(job: Job) -> str:
    """One that is still being uploaded waits like any other."""
    return "queued" if job.status == "uploading" else job.status


def accepted(job: Job) -> Response:
    """The 202 that says where to ask about a job."""
    location = {"Location": f"/v1/jobs/{job.id}"}
    return answer({"job_id": job.id}, 202, {**location, **NO_STORE})


def refuse_too_many_jobs(connection: Connection, ledger_id: UUID) -> None:
    """Raise Problem 429 when five of the person's jobs are not finished yet."""
    if len(jobs.unfinished_jobs(connection, ledger_id)) >= MOST_UNFINISHED:
        headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
        raise Problem("too_many_jobs", {"maximum": MOST_UNFINISHED}, headers=headers)
