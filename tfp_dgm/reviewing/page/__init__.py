"""The page on which a person answers: what it shows, who may ask for it, and its server."""
