"""What runs on machines with accelerators. Nothing here imports `hub` or Django, and `hub` never imports torch."""
