"""What full-text search is made of, without a database: the words of texts, the texts of messages, queries, snippets.

The linker writes the words of new messages into an index of hashes; `plait.common.queries.search` asks it, and looks at
the messages themselves to see whether the words stand there as they were asked for.
"""
