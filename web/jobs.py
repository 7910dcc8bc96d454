"""Jobs over HTTP: how far work that takes longer than a request has come."""

from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response, request
from flask.views import MethodView

from domain.store.imports.sheets import MOST_ROWS
from domain.store.jobs import Job, find_job
from web.answers import answer
from web.auth import current_account
from web.blueprint import Blueprint
from web.body import refuse_unread_query
from web.errors import Problem
from web.messages import say
from web.services import services

NO_STORE = {"Cache-Control": "no-store"}
"""Progress is worth nothing a second later."""

blueprint = Blueprint("jobs", __name__, url_prefix="/v1", description="Work that takes a while")


class JobErrorSchema(ma.Schema):
    """Why a job failed."""

    code = ma.fields.String(required=True)
    message = ma.fields.String(required=True)


class JobSchema(ma.Schema):
    """A job. `progress` goes from 0 to 1; `result_url` is where its outcome is to be read."""

    id = ma.fields.UUID(required=True)
    kind = ma.fields.String(required=True, metadata={"enum": ["import"]})
    status = ma.fields.String(
        required=True, metadata={"enum": ["queued", "running", "done", "failed"]}
    )
    progress = ma.fields.Float(required=True)
    done = ma.fields.Integer(required=True)
    total = ma.fields.Integer(required=True)
    result_url = ma.fields.String(required=True)
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
        "result_url": f"/v1/{job.kind}s/{job.id}",
        "error": None
        if job.error is None
        else {"code": job.error, "message": say(job.error, maximum=MOST_ROWS)},
        "created_at": job.created_at,
        "updated_at": job.updated_at,
    }


def shown_status(job: Job) -> str:
    """One that is still being uploaded waits like any other."""
    return "queued" if job.status == "uploading" else job.status
