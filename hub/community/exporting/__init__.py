"""What the hub keeps of one person, for that person: `archive.py` writes it; what is in it stands in `known.py`, and with those
of the apps above that answer the signal `export_asked`. A test holds them to the tables of the database: whatever names a user
is exported, or the archive says why not."""
