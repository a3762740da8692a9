"""Run the migrations on the connection that `offset.database` hands over."""

from alembic import context

from offset.models import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
