"""Exchange files (`plait.common.exchange_file`) between a database, files and a broker.

`files` are the ways into a file or a pipe; `events` makes of lines the events that a gateway would send; `transfer`
does it for all of them.
"""
