"""What a run leaves and is known by: its folder, checkpoint, provenance, progress, demonstrations and contract."""
