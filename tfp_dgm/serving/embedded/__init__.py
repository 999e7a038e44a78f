"""A server for development and small use; needs the extra `serving`, but for its limits."""
