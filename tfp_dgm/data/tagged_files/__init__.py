"""Files of sentences with tags, one format at a time; `read_tagged_sentences` stands above them."""
