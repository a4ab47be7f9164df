"""What the provider's prompt cache gave each turn, and what it could have given: why it gave less, and what that cost.

A prompt is tools, system prompt and messages, in this order. The provider keeps what stands before a breakpoint
(`cache_control`) for 5 minutes, or an hour where that was asked for, from its last use on; whoever sends the very same
beginning again, to the same model on the same account, reads it. docs/cache.md tells the causes.
"""
