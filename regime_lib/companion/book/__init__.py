"""The project on disk: chapters, parameters, notebooks."""
