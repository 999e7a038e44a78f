"""Settings of jobs: frozen dataclasses, read from files and from `name=value`, and written."""

from tfp_dgm.settings.reading import DATA, named_files, read_settings, write_settings

__all__ = ["DATA", "named_files", "read_settings", "write_settings"]
