"""Keys that tell what they are by how they begin: services', JSON Web Tokens, private keys."""

from __future__ import annotations

import re
from typing import Final

from plait.common.redaction.finding import START, TAKEN, Finder, group

_BY_BEGINNING: Final = (
    r"sk-ant-[\w-]{8,}",
    r"sk-(?=[\w-]{0,200}\d)[\w-]{20,}",  # of style sheets (`sk-container-id-1`) and words there are shorter ones
    r"plait_[\w-]{43}",
    r"(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}(?![0-9A-Za-z])",
    r"gh[opsur]_\w{30,}",
    r"github_pat_\w{22,}",
    r"gl(?:pat|dt|rt|cbt|ptt|ft|imt|soat|agent)-[\w-]{20,}",
    r"xox[abeoprs]-[\w-]{10,}",
    r"xapp-\d-[\w-]{10,}",
    r"AIza[\w-]{35}",
    r"ya29\.[\w-]{20,}",
    r"GOCSPX-[\w-]{20,}",
    r"(?:sk|rk)_(?:live|test)_\w{10,}",
    r"whsec_[\w+/=]{20,}",
    r"npm_\w{36}",
    r"pypi-[\w-]{50,}",
    r"hf_\w{30,}",
    r"(?:gsk|xai|pplx|r8|tvly|nvapi|sbp|fw|lin_api|lin_oauth|ntn|glsa|figd|dop_v1|doo_v1|pscale_tkn|sb_secret)[_-][\w-]{32,}",
    r"dckr_[op]at_[\w-]{20,}",
    r"SG\.[\w-]{16,32}\.[\w-]{32,64}",
    r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}",
    r"tskey-[\w-]{20,}",
    r"hv[sbr]\.[\w-]{20,}",
    r"dp\.(?:pt|st|ct|sa|scim)\.\w{40,}",
    r"sntry[su]_[\w=/+-]{40,}",
    r"rubygems_[0-9a-f]{48}",
    r"ATATT3[\w=-]{50,}",
    r"dapi[0-9a-f]{32}",
    r"sq0(?:atp|csp)-[\w-]{22,43}",
    r"key-[0-9a-f]{32}",
    r"SK[0-9a-f]{32}",
    r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}",
    r"NRAK-[0-9A-Z]{27}",
    r"AGE-SECRET-KEY-1[0-9A-Z]{58}",
    r"\d{8,10}:AA[\w-]{33}",  # Telegram
    r"[MNO][\w-]{23,25}\.[\w-]{6}\.[\w-]{27,38}",  # Discord
)
SERVICE_KEY: Final = START + r"(?:" + "|".join(_BY_BEGINNING) + r")"
"""A key of a known service."""
_HOOK: Final = (
    rf"(?:hooks\.slack\.com/(?:services|workflows)/|discord(?:app)?\.com/api/webhooks/)(?P<{TAKEN}>[\w/-]{{20,}})"
)

JSON_WEB_TOKEN: Final = START + r"eyJ[\w-]{8,}\.(?:eyJ[\w-]{8,}\.[\w-]*|[\w-]*\.[\w-]+\.[\w-]+\.[\w-]+)"
"""Signed or encrypted."""

_BEGINNING: Final = r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
_END: Final = r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
_LINE_END: Final = r"(?:\s|\\[nr])"
PRIVATE_KEY: Final = (
    rf"{_BEGINNING}(?:(?:(?!-----)[\s\S]){{0,16000}}{_END}"
    rf"|{_LINE_END}*+[A-Za-z0-9+/=]*+(?:{_LINE_END}++[A-Za-z0-9+/=]{{16,}}+)*+)"
)
"""With its end, or as far as it goes where that is cut off."""

API_KEYS: Final = (
    Finder(re.compile(SERVICE_KEY, re.ASCII)),
    Finder(re.compile(_HOOK, re.ASCII), group, ("hooks.slack.com/", "/api/webhooks/")),
)
TOKENS: Final = (Finder(re.compile(JSON_WEB_TOKEN, re.ASCII), hints=("eyJ",)),)
PRIVATE_KEYS: Final = (Finder(re.compile(PRIVATE_KEY), hints=("-----BEGIN ",)),)
