"""What workers ask of the hub, with their own keys: start, heartbeat, claim, events, finish, release."""
