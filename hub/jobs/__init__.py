"""What every worker task shares: the job table, leases, events, worker keys."""
