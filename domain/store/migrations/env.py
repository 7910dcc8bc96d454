"""What Alembic runs to migrate: one transaction for everything that is missing."""

import sqlalchemy as sa
from alembic import context


def run_migrations() -> None:
    """All of it happens, or none: a half-migrated database is worse than an old one."""
    connection: sa.Connection = context.config.attributes["connection"]
    begin = "BEGIN IMMEDIATE" if connection.dialect.name == "sqlite" else "BEGIN"
    connection.exec_driver_sql(begin)
    context.configure(connection=connection)
    try:
        context.run_migrations()
    except BaseException:
        connection.exec_driver_sql("ROLLBACK")
        raise
    connection.exec_driver_sql("COMMIT")


run_migrations()
