"""Several labels a row: each class applies or does not, whatever the others do."""
