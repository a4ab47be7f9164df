"""What stands in nearly every message, for zstd to refer to: a short message alone has little that repeats.

Measured on recorded messages and on source code read by tools: a fifth less than without. A dictionary must never
change once something was compressed with it; a better one gets an encoding of its own in `plait.common.blobs`.
"""

from __future__ import annotations

from typing import Final

_WORDS: Final = (
    " the of and to in is that for it as was with be by on not he but at are this have from or had an they which one"
    " you were all there would their we been has when who will no more if out so up said what its about than into them"
    " can only other time new some could these two may first then do any like now over such our most made after also"
    " did many before must through where your should because each just those good very make still see own work day get"
    " here between both under never same another while us might great since against right came take used use"
    " during without again place around however small found went part once general every "
)
_CODE: Final = (
    " def self return import from class if not None else for in raise except try with as async await lambda yield"
    " assert True False isinstance str int list dict Any Optional print len range ValueError TypeError KeyError"
    " __init__"
    '\\n    def \\n        self.\\n        return \\n            if \\n        \\"\\"\\"'
    " function const let var => export default interface string number boolean null undefined this. error Error:"
    ' Traceback (most recent call last):\\n  File \\"\\", line , in \\ntotal 0\\ndrwxr-xr-x  1 root root  4096'
    " \\n-rw-r--r-- ./src/test_.py .ts .js .md .json https://github.com/ "
)
_SHAPES: Final = (
    '{"content":[{"cache_reference":"","citations":null,"text":"","type":"text"}],"role":"user"}'
    '{"content":[{"source":{"data":"","media_type":"image/png","type":"base64"},"type":"image"}'
    '{"content":[{"signature":"","thinking":"","type":"thinking"},{"caller":{"type":"direct"},"id":"toolu_01","input":'
    '{"description":"","file_path":"/","new_string":"","old_string":"","pattern":"","prompt":"","subagent_type":'
    '"general-purpose","command":""},"name":"Edit","type":"tool_use"},{"id":"toolu_01","input":{"command":"",'
    '"description":""},"name":"Bash","type":"tool_use"},{"id":"toolu_01","input":{"file_path":"/"},"name":"Read",'
    '"type":"tool_use"}],"role":"assistant"}'
    '{"content":[{"text":"<system-reminder>\\n","type":"text"},{"content":[{"content":[{"text":"","type":"text"}],'
    '"is_error":false,"tool_use_id":"toolu_01","type":"tool_result"}],"role":"user"}'
    '{"content":[{"text":"","type":"text"}],"role":"user"}'
    '{"content":[{"text":"","type":"text"},{"id":"toolu_","input":{"command":""},"name":"Bash","type":"tool_use"}],'
    '"role":"assistant"}{"content":[{"content":[{"text":"\\n","type":"text"}],"tool_use_id":"toolu_01",'
    '"type":"tool_result"}],"role":"user"}'
)
MESSAGES: Final = f"{_WORDS}{_CODE}{_SHAPES}".encode()
"""The most frequent last, where references are shortest."""
