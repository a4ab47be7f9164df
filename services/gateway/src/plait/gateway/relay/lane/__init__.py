"""The byte lane: plain calls pass from socket to socket as bytes; what is not plain goes to the ASGI relay.

    client ── RelayProtocol ──▶ plain.read_request ──▶ Exchange ──▶ Connection (of the Pool) ──▶ Claude
                                                        │   ▲
                                  records and answers   ▼   │ pieces of the answer
                                                       Turn: one write to the spool, then the answers go out

llhttp decides where a message ends, both ways; heads are edited as bytes; no task and no future is made per call.
"""
