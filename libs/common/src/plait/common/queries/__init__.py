"""The one place that reads the database for people: the API and the dashboard call the same functions.

A module per noun. Its statements stand beside it in a `.sql` file as named, described blocks; its functions take a
pool or a connection and give typed rows, whose fields are those of the read API (times UTC, durations milliseconds).
Every function runs a fixed number of statements, however many rows there are. Shown is what has its request: an
exchange of which only the answer has arrived yet is left out.
"""
