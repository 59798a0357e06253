"""Running chapters: keys, workers, provenance."""
