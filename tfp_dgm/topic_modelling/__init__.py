"""A job: what is in a table of texts that nobody has labelled yet, by topics or by clusters."""
