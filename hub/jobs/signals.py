"""What jobs tell the apps above, inside the transaction that changes the job: what a receiver writes stands with it."""

from django.dispatch import Signal

# job: Job, which has just become done, failed or cancelled.
job_finished = Signal()
