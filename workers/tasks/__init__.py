"""The Celery tasks: `demo` answers people who wait, `job` runs what takes long. A message carries a job's id."""
