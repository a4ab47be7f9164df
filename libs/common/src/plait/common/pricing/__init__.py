"""What tokens cost: exact dollars by part, from a price list that says what it knows and never guesses.

`rates` is what a price is made of, `listed` the published list, `price_file` the operator's own prices, `book` both
together, `cost` the multiplication. docs/costs.md tells the rules.
"""
