"""What a conversation is: pure functions from the facts of exchanges to a tree (design: linking.md).

Nothing here does input or output. The way through it: `facts` reads what an exchange says about itself, `lookup` finds
other exchanges by what they offer, `parent.place` decides whom an exchange follows, `weave` says who must be decided
again when facts change, `names` turns the pointers of one tree into conversations and branches.
"""
